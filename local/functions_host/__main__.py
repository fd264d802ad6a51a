"""`python -m local.functions_host`: deliver real triggers to a function app, in this process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from local.functions_host import index, keys, parts, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

GRACE_SECONDS = 20.0


def main() -> int:
    """Serve until SIGTERM; then take nothing new and wait 20 s for the calls under way."""
    args = _arguments()
    folder = Path(args.app_dir).resolve()
    settings.read_local_settings(folder)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    logging.getLogger("azure").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        functions = [f for f in index.load(folder) if not settings.disabled(f.name)]
        if args.index:
            print(json.dumps([{**_shown(f.binding), "name": f.name, "trigger": f.kind} for f in functions]))
            return 0
        host = parts.assemble(folder, functions, args.queue_lease_seconds, keys.load(Path(args.keys)))
        door = _listen(args.port)
    except index.Refused as refused:
        print(f"functions host: {refused}", file=sys.stderr)
        return 1
    code = asyncio.run(_serve(host, door, args.grace_seconds))
    if code:
        logging.shutdown()
        os._exit(code)  # a call that does not end would keep the interpreter from ending
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.functions_host", description=__doc__)
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one")
    parser.add_argument("--app-dir", default=".", help="where function_app.py and host.json lie")
    parser.add_argument("--keys", default=".droptune/keys.json", help="the function keys; made where missing")
    parser.add_argument("--queue-lease-seconds", type=int, default=600, help="600 on Azure")
    parser.add_argument("--grace-seconds", type=float, default=GRACE_SECONDS, help="for calls, at the end")
    parser.add_argument("--index", action="store_true", help="print what the app indexes to, and exit")
    return parser.parse_args()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the host: it stops taking messages before it stops answering."""
        yield


def _listen(port: int) -> socket.socket:
    try:
        door = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise index.Refused(f"The port {port} is taken; choose another with --port, 0 for any.") from error
    # asyncio sets it for sockets of a named protocol alone; without it each answer's body waits for 40 ms.
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return door


async def _serve(host: parts.Host, door: socket.socket, grace: float) -> int:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, over.set)
    config = uvicorn.Config(host.web, log_level="warning", access_log=False, lifespan="off")
    config.timeout_graceful_shutdown = int(grace)
    server = _Server(config)
    serving = loop.create_task(server.serve([door]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event for it
        await asyncio.sleep(0.01)
    host.start()
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    print(json.dumps({"ready": True, "url": url, "functions": host.names}), flush=True)
    await over.wait()
    await loop.run_in_executor(None, host.stop)
    server.should_exit = True
    await serving
    return 0 if await loop.run_in_executor(None, host.caller.wait_idle, grace) else 1


def _shown(binding: Any) -> dict[str, Any]:  # noqa: ANN401 - a mapping of JSON values
    return {key: value for key, value in binding.items() if isinstance(value, (str, int, bool, list))}


if __name__ == "__main__":
    sys.exit(main())
