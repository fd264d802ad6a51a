"""A storage account of which a test says what it answers: for what a real service does not do on request."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from shared.adapters.storage import StoragePlace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEY = "c2VjcmV0IGtleQ=="


@dataclass(frozen=True)
class Reply:
    """What to answer. cut: bytes promised and never sent; hang: say nothing until the server ends."""

    status: int = 200
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int = 0
    hang: bool = False


class Account:
    """A running server: `answer` decides, `seen` has each request's line."""

    def __init__(self, answer: Callable[[str, Mapping[str, str]], Reply]) -> None:
        self.answer = answer
        self.seen: list[str] = []
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/account"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


@contextmanager
def account(answer: Callable[[str, Mapping[str, str]], Reply]) -> Iterator[Account]:
    """Run an account; its handlers end with it."""
    running = Account(answer)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def connection_string(url: str) -> str:
    return f"AccountName=account;AccountKey={KEY};BlobEndpoint={url};QueueEndpoint={url}"


@contextmanager
def place_at(url: str, seconds: float = 2.0) -> Iterator[StoragePlace]:
    """Give the adapters' place for an account at `url`, with little patience."""
    place = StoragePlace(None, None, connection_string(url), _no_identity, call_seconds=seconds)
    try:
        yield place
    finally:
        place.close()


def _no_identity() -> None:
    raise AssertionError("a connection string needs no identity")


def _handler(owner: Account) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            owner.seen.append(f"{self.command} {self.path}")
            reply = owner.answer(owner.seen[-1], dict(self.headers))
            if reply.hang:
                owner.over.wait(60)
                self.close_connection = True
                return
            self.send_response(reply.status)
            if reply.code:
                self.send_header("x-ms-error-code", reply.code)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + reply.cut))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
            self.close_connection = self.close_connection or reply.cut > 0

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _reply  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None: ...

    return Handler
