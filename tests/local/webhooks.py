"""A topic, and a webhook for it to deliver to, which answers as a test wants."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from local.eventgrid import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

KEY = "a-very-secret-key"
BEGIN = "/blobServices/default/containers/datasets/"
QUICK = 0.001  # Event Grid's ten seconds become ten milliseconds


class Webhook:
    """Answers handshakes, keeps events. answers: the statuses to give to events, 200 when they run out."""

    def __init__(self, answers: Iterable[int] = (), *, port: int = 0, echo: str | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.headers: list[str | None] = []
        self.handshakes = 0
        self._answers, self._echo = iter(answers), echo
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?code={KEY}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def ids(self) -> list[str]:
        return [str(event["id"]) for event in self.events]

    def answer(self, body: list[dict[str, Any]], kind: str | None) -> tuple[int, bytes]:
        self.headers.append(kind)
        if kind == "SubscriptionValidation":
            self.handshakes += 1
            code = body[0]["data"]["validationCode"]
            plain = json.dumps({"validationResponse": code}) if self._echo is None else self._echo
            return 200, plain.encode()
        self.events.extend(body)
        return next(self._answers, 200), b""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, data = webhook.answer(body, self.headers["aeg-event-type"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: object) -> None: ...

        return Handler


@contextmanager
def topic(**more: Any) -> Iterator[Topic]:
    made = Topic("/subscriptions/s/topics/t", **{"retry_scale": QUICK, **more})
    try:
        yield made
    finally:
        made.close()


def event(number: int, **more: object) -> dict[str, Any]:
    made = {"id": str(number), "subject": f"{BEGIN}blobs/{number}", "eventType": "A.B", "data": {}}
    return made | more
