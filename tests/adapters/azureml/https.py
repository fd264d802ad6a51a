"""An HTTPS service of which a test says what it answers: for what no real service does on request."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.adapters.azureml import AzureMLPlace
from tests.local.azureml.rig import make_tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import pytest


@dataclass(frozen=True)
class Reply:
    """What to answer. cut: bytes promised and never sent; hang: say nothing until the server ends."""

    status: int = 200
    body: object = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    hang: bool = False


class Seen(NamedTuple):
    """A request as it came in."""

    line: str
    headers: Mapping[str, str]
    body: Any


class Service:
    """A running server: `answer` decides, `seen` has what was asked."""

    def __init__(self, folder: Path) -> None:
        self.tls = make_tls(folder)
        self.answer: Callable[[Seen], Reply] = lambda _seen: Reply(404)
        self.seen: list[Seen] = []
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.tls.cert, self.tls.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_port}"

    @property
    def lines(self) -> list[str]:
        return [seen.line for seen in self.seen]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def reset(self) -> None:
        self.answer = lambda _seen: Reply(404)
        self.seen.clear()

    def place(self) -> AzureMLPlace:
        """Give a fresh place, with no connections yet, whose resource manager is this service."""
        return AzureMLPlace("s", "g", "w", "azureml", "droptune_prepared", self.url, Token)


class Token:
    """A credential that has a token at once."""

    def get_token(self, *_scopes: str, **_more: object) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken("a-token", 4_000_000_000)


@contextmanager
def service(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Run a service whose certificate this process trusts."""
    running = Service(folder)
    patch.setenv("REQUESTS_CA_BUNDLE", str(running.tls.bundle))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def _handler(owner: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen = Seen(f"{self.command} {self.path}", dict(self.headers), json.loads(data) if data else None)
            owner.seen.append(seen)
            reply = owner.answer(seen)
            if reply.hang:
                owner.over.wait(60)
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + reply.cut))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = self.close_connection or reply.cut > 0

        do_GET = do_PUT = do_POST = do_DELETE = _reply  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None: ...

    return Handler
