"""`python -m local.eventgrid`: watch a container and deliver BlobCreated events to webhooks."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from pathlib import Path

from local.eventgrid.admin import serve_admin
from local.eventgrid.relay import BlobWatch, open_container, watch
from local.eventgrid.topic import Topic


def main() -> int:
    """Watch a container and deliver BlobCreated events until SIGTERM."""
    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("azure").setLevel(logging.WARNING)
    over = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: over.set())
    topic = Topic(args.topic_id, retry_scale=args.retry_scale)
    blobs = BlobWatch(open_container(args.blob_url, args.container), args.state)
    for pair in args.subscribe:
        name, _, url = pair.partition("=")
        topic.subscribe(name, url, subject_begins_with=f"/blobServices/default/containers/{args.container}/")
    admin = serve_admin(topic, args.port)
    print(json.dumps({"ready": True, "url": f"http://127.0.0.1:{admin.server_port}"}), flush=True)
    watch(topic, blobs, over, len(args.subscribe))
    topic.close()
    admin.shutdown()
    admin.server_close()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.eventgrid", description=main.__doc__)
    parser.add_argument("--blob-url", required=True)
    parser.add_argument("--container", default="datasets")
    parser.add_argument("--topic-id", required=True)
    parser.add_argument("--subscribe", action="append", default=[], metavar="NAME=URL")
    parser.add_argument("--state", type=Path, help="where to keep what has been told")
    parser.add_argument("--port", type=int, default=0, help="of the admin API; 0 takes a free one")
    parser.add_argument("--retry-scale", type=float, default=1.0, help="of Event Grid's delays between tries")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
