"""What the emulator's tests stand on: certificates, a real Azurite, the emulator as a child process."""

from __future__ import annotations

import json
import re
import signal
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import certifi
import httpx
import psutil
import trustme

from local.azurite_server import find_azurite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
STAND_IN = f"{sys.executable} {Path(__file__).with_name('stand_in.py')} nursery"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
NAME = "droptune-local"
WS = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NAME}/providers/"
    f"Microsoft.MachineLearningServices/workspaces/{NAME}"
)
VERSION = "api-version=2024-01-01-preview"


@dataclass(frozen=True)
class Tls:
    """Certificate and key for this machine, and the bundle to trust."""

    cert: Path
    key: Path
    bundle: Path


def make_tls(folder: Path) -> Tls:
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    tls = Tls(folder / "server.pem", folder / "server.key", folder / "bundle.pem")
    server.private_key_pem.write_to_path(tls.key)
    for place, blob in enumerate(server.cert_chain_pems):
        blob.write_to_path(tls.cert, append=place > 0)
    tls.bundle.write_text(Path(certifi.where()).read_text())
    authority.cert_pem.write_to_path(tls.bundle, append=True)
    return tls


@contextmanager
def running_azurite(folder: Path, tls: Tls) -> Iterator[str]:
    """Run Azurite's blob service by identity over HTTPS and give its account's URL."""
    command = find_azurite()
    if command is None:
        raise RuntimeError(
            "Azurite is not installed: run `python3 dev.py setup`, or set AZURITE to azurite.js"
        )
    arguments = ["--blobPort", "0", "--queuePort", "0", "--tablePort", "0", "--skipApiVersionCheck"]
    arguments += ["--oauth", "basic", "--cert", str(tls.cert), "--key", str(tls.key), "-l", str(folder)]
    log = folder / "out.txt"
    with log.open("wb") as out:
        child = subprocess.Popen([*find_azurite(), *arguments], stdout=out, stderr=subprocess.STDOUT)
    try:
        yield azurite_url(folder, "Blob")
    finally:
        child.kill()  # asked politely, it waits for every client's open connection
        child.wait(20)


def azurite_url(folder: Path, service: str) -> str:
    """Wait until the Azurite that runs in `folder` says where its Blob or Queue service listens."""
    says = re.compile(rf"{service} service is successfully listening at (\S+)\s")
    found = until(lambda: says.search((folder / "out.txt").read_text()), 60, f"Azurite's {service} listens")
    return f"{found[1]}/devstoreaccount1"


def until(met: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for `met` to be true and return what it returned; fail with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not (value := met()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return value


@dataclass
class Emulator:
    """One emulator as a child; `options` are its command line."""

    folder: Path
    tls: Tls
    blob_url: str
    options: list[str] = field(default_factory=list)
    trainer: str = STAND_IN
    process: subprocess.Popen[str] | None = None
    url: str = ""
    msi_url: str = ""
    ready_seconds: float = 0  # of processor time: others use this machine too
    connections: httpx.Client | None = None

    def start(self) -> None:
        models = self.folder / "models" / "tiny"
        models.mkdir(parents=True, exist_ok=True)
        if not (models / "config.json").exists() and self.trainer == STAND_IN:
            (models / "config.json").write_text("{}")
        ports = ["--port", self.url.rpartition(":")[2] or "0"]
        command = [sys.executable, "-m", "local.azureml", "--state", str(self.folder / "state")]
        command += ["--cert", str(self.tls.cert), "--key", str(self.tls.key)]
        command += ["--ca-bundle", str(self.tls.bundle), "--blob-url", self.blob_url]
        command += ["--models", str(models.parent), "--foundation", "tiny", *ports]
        command += ["--datastore", "droptune_prepared=prepared", *self.options]
        command += ["--trainer", self.trainer] if self.trainer else []
        with (self.folder / "emulator.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT)
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log()
        spent = psutil.Process(self.process.pid).cpu_times()
        self.ready_seconds = spent.user + spent.system
        ready = json.loads(line)
        assert ready["ready"] is True
        self.url, self.msi_url = ready["url"], ready["msi_url"]

    def log(self) -> str:
        return (self.folder / "emulator.log").read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        assert self.process.stdout
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.process = None
        if self.connections:
            self.connections.close()
            self.connections = None
        return code

    def token(self, resource: str | None = None) -> str:
        asked = {"resource": resource or self.url, "api-version": "2019-08-01"}
        answer = httpx.get(self.msi_url, params=asked, headers={"X-IDENTITY-HEADER": "any"}, trust_env=False)
        return str(answer.json()["access_token"])

    def http(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Call the emulator with a token; more are httpx's own arguments."""
        headers = {"Authorization": f"Bearer {self.token()}"} | more.pop("headers", {})
        url = path if path.startswith("https://") else self.url + path
        return self.client().request(method, url, headers=headers, **more)

    def client(self) -> httpx.Client:
        if self.connections is None:
            context = ssl.create_default_context(cafile=str(self.tls.bundle))
            self.connections = httpx.Client(verify=context, timeout=60, trust_env=False)
        return self.connections

    def arm(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Call the workspace's management plane: `path` begins behind the workspace."""
        sign = "&" if "?" in path else "?"
        return self.http(method, f"{WS}{path}{sign}{VERSION}", **more)

    def admin(self, method: str, path: str, **more: Any) -> Any:
        answer = self.client().request(method, f"{self.url}/admin/{path}", **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def environment(self) -> dict[str, str]:
        """Return the variables with which Azure's SDKs find this emulator."""
        return {
            "ARM_CLOUD_METADATA_URL": f"{self.url}/metadata/endpoints?api-version=2019-05-01",
            "AZUREML_CURRENT_CLOUD": "LocalCloud",
            "REGISTRY_DISCOVERY_ENDPOINT_URL": f"{self.url}/",
            "REQUESTS_CA_BUNDLE": str(self.tls.bundle),
            "IDENTITY_ENDPOINT": self.msi_url,
            "IDENTITY_HEADER": "any",
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "AZUREML_RUN_POLLING_INTERVAL_MIN": "1",
            "AZUREML_RUN_POLLING_INTERVAL_MAX": "1",
        }
