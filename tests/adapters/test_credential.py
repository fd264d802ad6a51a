"""The app's one credential."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from shared.adapters import credential
from shared.adapters.azureml.errors import mapped
from shared.domain.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCOPE = "https://management.azure.com/.default"


class Identity:
    """A managed identity's token service of which a test says what it answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.body: dict[str, str] = {"access_token": "t", "expires_on": str(int(time.time()) + 9000)}
        self.over = threading.Event()
        self.hang = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))


def _handler(owner: Identity) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            owner.asked.append(self.path)
            if owner.hang:
                owner.over.wait(60)
                return
            body = json.dumps(owner.body).encode()
            self.send_response(owner.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[Identity]:
    made = Identity()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{made.server.server_port}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "any")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    yield made
    made.over.set()
    made.server.shutdown()
    thread.join(10)
    made.server.server_close()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Give the credential of a process that has not made one yet."""
    monkeypatch.setattr(credential, "_made", [])
    return credential.credential


def test_there_is_one_for_all_threads(fresh: Callable[[], object]) -> None:
    made: list[object] = []
    threads = [threading.Thread(target=lambda: made.append(fresh())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(made) == 8
    assert len({id(one) for one in made}) == 1


def test_the_client_id_picks_the_identity(
    identity: Identity, fresh: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "11111111-1111-1111-1111-111111111111")
    assert fresh().get_token(SCOPE).token == "t"  # type: ignore[attr-defined]
    assert "client_id=11111111-1111-1111-1111-111111111111" in identity.asked[0]
    assert "resource=https://management.azure.com" in identity.asked[0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_service_that_fails_is_tried_again_later(
    identity: Identity, fresh: Callable[[], object], status: int
) -> None:
    identity.status, identity.body = status, {"error": "overloaded"}
    with pytest.raises(Transient), mapped("X"):
        fresh().get_token(SCOPE)  # type: ignore[attr-defined]


def test_a_token_service_that_refuses_is_a_fault_of_the_installation(
    identity: Identity, fresh: Callable[[], object]
) -> None:
    reason = "No User Assigned or Delegated Managed Identity found for specified ClientId"
    identity.status, identity.body = 400, {"statusCode": "400", "message": reason}
    with pytest.raises(Misconfigured, match="AZURE_CLIENT_ID"), mapped("X"):
        fresh().get_token(SCOPE)  # type: ignore[attr-defined]


def test_a_token_service_that_is_not_there_is_tried_again_later(
    identity: Identity, fresh: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/token")
    with pytest.raises(Transient), mapped("X"):
        fresh().get_token(SCOPE)  # type: ignore[attr-defined]
    assert identity.asked == []


def test_nobody_signed_in_is_a_fault_of_the_installation(
    fresh: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with pytest.raises(Misconfigured, match="az login"), mapped("X"):
        fresh().get_token(SCOPE)  # type: ignore[attr-defined]


def test_a_token_service_that_hangs_is_given_up_in_time(
    identity: Identity, fresh: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity.hang = True
    monkeypatch.setitem(credential.PATIENCE, "read_timeout", 1)
    begun = time.monotonic()
    with pytest.raises(Transient), mapped("X"):
        fresh().get_token(SCOPE)  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("sits", [False, True])
def test_a_browser_opens_only_for_a_person_at_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
    sits: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(credential, "_made", [])
    monkeypatch.setattr(credential, "_browser", [])
    monkeypatch.delenv("AZURE_TOKEN_CREDENTIALS", raising=False)
    if sits:
        credential.allow_browser()
    kinds = [type(one).__name__ for one in credential.credential().credentials]
    assert ("InteractiveBrowserCredential" in kinds) is sits
