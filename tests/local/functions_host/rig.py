"""A host as a child process over a real Azurite, with an identity of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from azure.storage.blob import BlobServiceClient  # noqa: TID251 - what people do beside the host
from azure.storage.queue import QueueServiceClient  # noqa: TID251

from tests.contract.storage_rigs import Credential
from tests.local.azureml.rig import ROOT, azurite_url, make_tls, running_azurite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOY = Path(__file__).with_name("toy_app")
DISABLED = {"AzureWebJobs.switched_off.Disabled": "true"}
NEVER = "0 0 0 1 1 *"


class TokenServer:
    """A managed identity's token endpoint."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                token, until_second = Credential().get_token()
                body = {"access_token": token, "expires_on": str(until_second), "token_type": "Bearer"}
                body |= {"resource": "https://storage.azure.com"}
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/msi/token"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass(frozen=True)
class Storage:
    """Azurite, and the variables with which a program finds it and its own identity."""

    environment: Mapping[str, str]
    blobs: BlobServiceClient
    queues: QueueServiceClient

    def send(self, queue: str, *bodies: str) -> None:
        """Put messages into a queue as the product does, in base64."""
        client = self.queues.get_queue_client(queue)
        with suppress(Exception):
            client.create_queue()
        for body in bodies:
            client.send_message(b64encode(body.encode()).decode())

    def peek(self, queue: str) -> list[str]:
        """Read what a queue shows, poison queues mostly; nothing where there is no such queue."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return [
                b64decode(message.content).decode()
                for message in self.queues.get_queue_client(queue).peek_messages(32)
            ]
        except ResourceNotFoundError:
            return []

    def count(self, queue: str) -> int:
        """Count a queue's messages, those worked on among them."""
        found = self.queues.get_queue_client(queue).get_queue_properties()
        return int(found.approximate_message_count or 0)


@contextmanager
def running_storage(folder: Path) -> Iterator[Storage]:
    tls, tokens = make_tls(folder), TokenServer()
    with running_azurite(folder, tls) as blob_url:
        queue_url = azurite_url(folder, "Queue")
        environment = {
            "TOY__blobServiceUri": blob_url,
            "TOY__queueServiceUri": queue_url,
            "AzureWebJobsStorage__queueServiceUri": queue_url,
            "REQUESTS_CA_BUNDLE": str(tls.bundle),
            "IDENTITY_ENDPOINT": tokens.url,
            "IDENTITY_HEADER": "any",
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        }
        trust: Any = {"credential": Credential(), "connection_verify": str(tls.bundle)}
        with BlobServiceClient(blob_url, **trust) as blobs, QueueServiceClient(queue_url, **trust) as queues:
            yield Storage(environment, blobs, queues)
    tokens.close()


@dataclass
class Host:
    """`python -m local.functions_host` over the toy app; settings are added to its environment."""

    storage: Storage
    folder: Path
    queue: str
    settings: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    url: str = ""

    def start(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "local.functions_host", "--port", "0", "--app-dir", str(TOY)]
        command += ["--keys", str(self.folder / "keys.json"), *self.options]
        environment = {"PATH": "/usr/bin:/bin", "TOY_FOLDER": str(self.folder), "TOY_QUEUE": self.queue}
        environment |= {"TOY_SCHEDULE": NEVER, **DISABLED, **self.storage.environment, **self.settings}
        with (self.folder / "host.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=environment
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"ended {self.ended()}: {self.log()}"
        ready: dict[str, Any] = json.loads(line)
        self.url = ready["url"]
        return ready

    def log(self) -> str:
        return (self.folder / "host.log").read_text()

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def ended(self, seconds: float = 30) -> int:
        assert self.process
        assert self.process.stdout
        code = self.process.wait(seconds)
        self.process.stdout.close()
        self.process = None
        return code

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.ended()

    def calls(self, function: str) -> list[dict[str, Any]]:
        path = self.folder / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call for call in map(json.loads, lines) if call["function"] == function]

    def bodies(self, function: str = "worked") -> list[str]:
        return [call["body"] for call in self.calls(function)]

    def allow(self, name: str) -> None:
        """Make the file that a call waits for."""
        (self.folder / name).touch()

    def keys(self) -> Any:
        return json.loads((self.folder / "keys.json").read_text())

    def post(self, extension: str, function: str, body: Any, **more: Any) -> httpx.Response:
        """Deliver to a webhook with its key, as Event Grid does; more: kind and key."""
        key = more.get("key", self.keys()["systemKeys"][f"{extension.lower()}_extension"])
        headers = {"aeg-event-type": more.get("kind", "Notification")}
        url = f"{self.url}/runtime/webhooks/{extension}?functionName={function}&code={key}"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(url, content=content, headers=headers, trust_env=False, timeout=30)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return httpx.get(f"{self.url}/{path}", trust_env=False, timeout=30, **more)


def quiet(seconds: float) -> None:
    """Let time pass in which nothing may happen: there is no condition to wait for."""
    time.sleep(seconds)
