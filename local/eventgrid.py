"""Event Grid on a laptop: topics that deliver to webhooks, and a relay that tells of new blobs.

`Topic` does the validation handshake, delivers at least once in no certain order, and retries as Event Grid
does (MicrosoftDocs/azure-docs, event-grid/delivery-and-retry.md). Faults can be switched on. URLs hold keys,
so they are never logged whole.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import signal
import sys
import threading
import time
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

log = logging.getLogger("eventgrid")
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
NEVER_RETRIED = frozenset({400, 401, 403, 413})
DELIVERED = frozenset(range(200, 205))
RETRY_SECONDS = (10, 30, 60, 300, 600, 1800, 3600)
HANDSHAKE_SECONDS = 600.0
ACK_SECONDS = 30.0
POLL_SECONDS = 0.5


@dataclass
class Faults:
    """What goes wrong on purpose. Shares between 0 and 1; delay in seconds for every event."""

    lose: float = 0.0
    double: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    seed: int = 0
    chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - faults must be the same for the same seed

    def schedule(self) -> list[float]:
        """Say after how many seconds each copy of an event goes out; no entry: it is lost."""
        if self.chance.random() < self.lose:
            return []
        late = self.delay + (self.chance.uniform(0.5, 3.0) if self.chance.random() < self.reorder else 0.0)
        return [late, late + 0.2] if self.chance.random() < self.double else [late]


@dataclass(frozen=True)
class Subscription:
    """Where events go, and which."""

    name: str
    url: str
    types: tuple[str, ...] = ()
    begins_with: str = ""
    ends_with: str = ""

    @property
    def shown(self) -> str:
        """The URL without its query, which holds a key."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Filter as Event Grid does: by type, and by subject without regard to case."""
        subject = str(event.get("subject", "")).lower()
        return (
            (not self.types or event.get("eventType") in self.types)
            and subject.startswith(self.begins_with.lower())
            and subject.endswith(self.ends_with.lower())
        )


class Topic:
    """A topic with subscriptions. `publish` returns at once; delivery goes on in the background."""

    def __init__(
        self,
        topic_id: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),  # noqa: TID251 - this is a program's edge
        retry_scale: float = 1.0,
    ) -> None:
        self.id = topic_id
        self.faults = Faults()
        self.history: deque[dict[str, Any]] = deque(maxlen=1000)
        self.dead_letters: deque[dict[str, Any]] = deque(maxlen=1000)
        self._now, self._scale = now, retry_scale
        self._subscriptions: dict[str, Subscription] = {}
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(16, "eventgrid")
        self._client = httpx.Client(timeout=ACK_SECONDS, trust_env=False)

    def subscribe(
        self,
        name: str,
        url: str,
        *,
        included_event_types: Sequence[str] = (),
        subject_begins_with: str = "",
        subject_ends_with: str = "",
    ) -> None:
        """Validate the webhook in the background; events are delivered once it has answered."""
        subscription = Subscription(
            name, url, tuple(included_event_types), subject_begins_with, subject_ends_with
        )
        self._pool.submit(self._validate, subscription)

    @property
    def subscriptions(self) -> list[str]:
        """Name the subscriptions whose webhook has answered the handshake."""
        return sorted(self._subscriptions)

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Hand events, in Event Grid's schema, to every subscription that wants them."""
        for event in events:
            whole = {"topic": self.id, "dataVersion": "", "metadataVersion": "1", **event}
            self.history.append(whole)
            for subscription in list(self._subscriptions.values()):
                if subscription.wants(whole):
                    for delay in self.faults.schedule():
                        self._later(delay, subscription, whole, 0)

    def close(self) -> None:
        """Stop delivering; what is not delivered is lost, as the process is."""
        self._over.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _validate(self, subscription: Subscription) -> None:
        code = str(uuid.uuid4())
        data = {"validationCode": code, "validationUrl": "https://example.invalid/validate"}
        event = {"id": str(uuid.uuid4()), "topic": self.id, "subject": "", "eventType": VALIDATION}
        event |= {"eventTime": self._now().isoformat(), "dataVersion": "1", "metadataVersion": "1"}
        until, wait = time.monotonic() + HANDSHAKE_SECONDS, 0.2
        while not self._over.is_set() and time.monotonic() < until:
            answer = self._post(subscription, [event | {"data": data}], "SubscriptionValidation")
            if answer is not None and answer.status_code == httpx.codes.OK:
                if answer.json().get("validationResponse") == code:
                    self._subscriptions[subscription.name] = subscription
                    log.info(
                        "subscription %s: %s answered the handshake", subscription.name, subscription.shown
                    )
                    return
                log.error("subscription %s: the answer holds another code", subscription.name)
            self._over.wait(wait)
            wait = min(wait * 1.5, 5.0)
        log.error("subscription %s: no handshake with %s", subscription.name, subscription.shown)

    def _later(self, delay: float, subscription: Subscription, event: Mapping[str, Any], tries: int) -> None:
        if self._over.is_set():
            return
        if delay <= 0:
            self._pool.submit(self._deliver, subscription, event, tries)
            return
        timer = threading.Timer(delay, self._later, (0, subscription, event, tries))
        timer.daemon = True
        timer.start()

    def _deliver(self, subscription: Subscription, event: Mapping[str, Any], tries: int) -> None:
        answer = self._post(subscription, [event], "Notification")
        status = answer.status_code if answer is not None else None
        if status in DELIVERED:
            return
        log.warning("event %s to %s: %s", event.get("id"), subscription.name, status or "no answer")
        if status in NEVER_RETRIED or tries >= len(RETRY_SECONDS):
            self.dead_letters.append(
                {**event, "deadLetterReason": str(status), "deliveryAttempts": tries + 1}
            )
            return
        self._later(RETRY_SECONDS[tries] * self._scale, subscription, event, tries + 1)

    def _post(
        self, subscription: Subscription, events: Sequence[Mapping[str, Any]], kind: str
    ) -> httpx.Response | None:
        try:
            return self._client.post(subscription.url, json=list(events), headers={"aeg-event-type": kind})
        except (httpx.HTTPError, RuntimeError):  # RuntimeError: the client was closed meanwhile
            return None


class BlobWatch:
    """Tells of every new or rewritten blob of a container; what it has told survives a restart."""

    def __init__(self, blob_url: str, container: str, state: Path | None) -> None:
        from azure.identity import DefaultAzureCredential  # noqa: TID251 - a reader of storage, as any program
        from azure.storage.blob import ContainerClient  # noqa: TID251

        self._client = ContainerClient(blob_url, container, credential=DefaultAzureCredential())
        self._url, self._container, self._state = blob_url, container, state
        self._seen: dict[str, str] = json.loads(state.read_text()) if state and state.exists() else {}

    def new_events(self) -> Iterator[dict[str, Any]]:
        """Look once; yield an event for each blob whose ETag was not told before."""
        found = {blob.name: blob for blob in self._client.list_blobs()}
        fresh = [blob for name, blob in found.items() if self._seen.get(name) != blob.etag]
        for blob in fresh:
            yield self._event(blob)
        if fresh or len(found) != len(self._seen):
            self._seen = {name: blob.etag for name, blob in found.items()}
            if self._state:
                part = self._state.with_suffix(".part")
                part.write_text(json.dumps(self._seen))
                part.replace(self._state)

    def _event(self, blob: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's BlobProperties
        """Shape as in MicrosoftDocs/azure-docs event-grid/event-schema-blob-storage.md."""
        request = str(uuid.uuid4())
        return {
            "id": str(uuid.uuid4()),
            "subject": f"/blobServices/default/containers/{self._container}/blobs/{blob.name}",
            "eventType": "Microsoft.Storage.BlobCreated",
            "eventTime": blob.last_modified.isoformat(),
            "data": {
                "api": "PutBlob",
                "clientRequestId": request,
                "requestId": request,
                "eTag": blob.etag,
                "contentType": blob.content_settings.content_type or "application/octet-stream",
                "contentLength": blob.size,
                "blobType": "BlockBlob",
                "url": f"{self._url}/{self._container}/{blob.name}",
                "sequencer": uuid.uuid4().hex,
                "storageDiagnostics": {"batchId": str(uuid.uuid4())},
            },
        }


def serve_admin(topic: Topic, port: int) -> ThreadingHTTPServer:
    """Serve `GET /admin/events` and `POST /admin/faults` on this machine alone."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"published": list(topic.history), "dead": list(topic.dead_letters)})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            topic.faults = Faults(**body)
            self._answer({"faults": body})

        def log_message(self, *_args: object) -> None: ...

        def _answer(self, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> int:
    """Watch a container and deliver BlobCreated events until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m local.eventgrid", description=main.__doc__)
    parser.add_argument("--blob-url", required=True)
    parser.add_argument("--container", default="datasets")
    parser.add_argument("--topic-id", required=True)
    parser.add_argument("--subscribe", action="append", default=[], metavar="NAME=URL")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for noisy in ("azure", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    signal.signal(signal.SIGINT, lambda *_: over.set())
    topic, watch = Topic(args.topic_id), BlobWatch(args.blob_url, args.container, args.state)
    for pair in args.subscribe:
        name, _, url = pair.partition("=")
        topic.subscribe(name, url, subject_begins_with=f"/blobServices/default/containers/{args.container}/")
    admin = serve_admin(topic, args.port)
    print(json.dumps({"ready": True, "url": f"http://127.0.0.1:{admin.server_port}"}), flush=True)
    _watch(topic, watch, over, len(args.subscribe))
    topic.close()
    return 0


def _watch(topic: Topic, watch: BlobWatch, over: threading.Event, subscriptions: int) -> None:
    """Poll until told to stop. Nothing is told before every subscription has answered: it would be lost."""
    from azure.core.exceptions import AzureError

    while not over.wait(POLL_SECONDS):
        if len(topic.subscriptions) < subscriptions:
            continue
        try:
            topic.publish(list(watch.new_events()))
        except AzureError as error:
            log.warning("the container is not to be read just now: %s", type(error).__name__)


if __name__ == "__main__":
    sys.exit(main())
