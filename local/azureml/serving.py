"""The processes behind deployments: started, watched, started again, ended."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import threading
import time
from typing import TYPE_CHECKING

import httpx
from msgspec.structs import replace

from local.azureml.blobstore import BlobFailure
from local.azureml.errors import AzureError
from local.azureml.records import Deployment
from local.azureml.tail import last_lines

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.lives import Lives
    from local.azureml.models import ModelFolders
    from local.azureml.nursery import Child, Nursery
    from local.azureml.settings import Settings
    from local.azureml.state import Store

LOG = logging.getLogger("azureml.serving")
_LOOK = 0.2
_BEAT = 5
_PAUSE = 5


class NotServed(Exception):
    """The server could not be brought up; the message ends with its log."""


class Server:
    """One deployment's thread: it owns the process, until it is told to end."""

    def __init__(self, owner: Servers, deployment: Deployment) -> None:
        """Begin at once."""
        self._owner = owner
        self._key = deployment.key
        self._endpoint = deployment.endpoint
        self._name = deployment.name
        self.turn = deployment.turn
        self.address: str | None = None
        self.pid: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"serve {self._key}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the process and wait until it is gone."""
        self._stop.set()
        self._thread.join()

    def ask_to_end(self) -> None:
        """Say that the process shall end, without waiting."""
        self._stop.set()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._serve_once()
            except NotServed as failure:
                if self._stop.is_set() or not self._survives(str(failure)):
                    return
            except Exception:
                LOG.exception("deployment %s: its thread failed", self._key)
                self._survives("The emulator itself failed; its log tells why.")
                return
            self._stop.wait(_PAUSE)

    def _serve_once(self) -> None:
        """Bring the process up and stay with it until it ends."""
        child, address = self._start()
        try:
            self._await_answer(child, address)
            self.address, self.pid = address, child.pid
            self._owner.succeeded(self._key, self.turn)
            self._stay(child)
        finally:
            self.address = self.pid = None
            child.stop()
            child.wait()
        if not self._stop.is_set():
            LOG.warning("deployment %s: its server ended with %s and is started again", self._key, child.exit)

    def _start(self) -> tuple[Child, str]:
        owner = self._owner
        try:
            folder = owner.models.fetch(self._key, owner.log(self._key, "StorageInitializer"))
        except (AzureError, BlobFailure, OSError) as error:
            raise NotServed(f"The model could not be fetched: {error}") from error
        port = _free_port()
        spec = owner.log(self._key, "spec").with_suffix(".json")
        content = {"model": str(folder), "host": "127.0.0.1", "port": port, "name": self._key}
        spec.write_text(json.dumps(content), "utf-8")
        child = owner.nursery.start("serve", spec, owner.log(self._key, "InferenceServer"))
        return child, f"http://127.0.0.1:{port}"

    def _await_answer(self, child: Child, address: str) -> None:
        limit = self._owner.settings.limits.server_start
        end = time.monotonic() + limit
        while not child.wait(_LOOK):
            if self._stop.is_set():
                raise NotServed("stopped")
            if _answers(address):
                return
            if time.monotonic() > end:
                raise NotServed(f"The server did not answer GET / within {limit:g} s. {self._log_end()}")
        raise NotServed(f"The server ended with exit code {child.exit}. {self._log_end()}")

    def _log_end(self) -> str:
        return f"Its log ends: {last_lines(self._owner.log(self._key, 'InferenceServer'), 8)}"

    def _stay(self, child: Child) -> None:
        life = self._owner.lives.begin(self._endpoint, self._name, child.pid)
        beats = 0.0
        while not self._stop.is_set() and not child.wait(_LOOK):
            beats += _LOOK
            if beats >= _BEAT:
                life.beat()
                beats = 0.0
        life.end()

    def _survives(self, why: str) -> bool:
        """Write the failure down; a deployment that had succeeded before is tried again."""
        return self._owner.failed(self._key, self.turn, why)


class Servers:
    """All servers of this emulator, by deployment."""

    def __init__(
        self, settings: Settings, store: Store, nursery: Nursery, models: ModelFolders, lives: Lives
    ) -> None:
        """Start servers through `nursery`, with models out of `models`."""
        self.settings = settings
        self.nursery = nursery
        self.models = models
        self.lives = lives
        self._store = store
        self._lock = threading.Lock()
        self._servers: dict[str, Server] = {}

    def keep(self, deployment: Deployment) -> None:
        """Serve the deployment from now on; a server of an earlier turn ends first."""
        self.end(deployment.key)
        with self._lock:
            self._servers[deployment.key] = Server(self, deployment)

    def take_up(self, deployment: Deployment) -> None:
        """Serve the deployment after a restart, unless that has begun already."""
        with self._lock:
            if deployment.key not in self._servers:
                self._servers[deployment.key] = Server(self, deployment)

    def end(self, key: str) -> None:
        """End the deployment's server, if there is one, and wait until it is gone."""
        with self._lock:
            server = self._servers.pop(key, None)
        if server:
            server.end()

    def forget(self, key: str) -> None:
        """Take away the files of a deployment that was deleted."""
        shutil.rmtree(self._folder(key), ignore_errors=True)
        self.models.clean_up()

    def close(self) -> None:
        """Tell all servers' threads to end; the nursery's end ends the processes."""
        with self._lock:
            servers = list(self._servers.values())
        for server in servers:
            server.ask_to_end()

    def join(self) -> None:
        """Wait until all are gone."""
        with self._lock:
            servers = list(self._servers.values())
        for server in servers:
            server.end()

    def address(self, key: str) -> str | None:
        """Return where the deployment's server listens; None while it does not."""
        server = self._servers.get(key)
        return server.address if server else None

    def pids(self) -> dict[str, int]:
        """Return the processes that serve, by deployment."""
        return {key: server.pid for key, server in self._servers.items() if server.pid}

    def log(self, key: str, kind: str) -> Path:
        """Return the path of a deployment's log of that container."""
        folder = self._folder(key)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / ("storage.txt" if kind == "StorageInitializer" else f"{_safe(kind)}.txt")

    def succeeded(self, key: str, turn: int) -> None:
        """Write down that the deployment's server answers."""

        def changed(kept: Deployment) -> Deployment:
            ours = kept.turn == turn and kept.state in ("Creating", "Updating")
            return replace(kept, state="Succeeded", error=None) if ours else kept

        self._store.change(Deployment, key, changed)

    def failed(self, key: str, turn: int, why: str) -> bool:
        """Write down that the server did not come up; return whether to try again."""
        detail = {"code": "InferencingClientCreateDeploymentFailed", "message": why}
        error = {"code": "BadRequest", "message": why, "details": [detail]}

        def changed(kept: Deployment) -> Deployment:
            ours = kept.turn == turn and kept.state in ("Creating", "Updating")
            return replace(kept, state="Failed", error=error) if ours else kept

        kept = self._store.change(Deployment, key, changed)
        LOG.warning("deployment %s: %s", key, why)
        return kept is not None and kept.turn == turn and kept.state == "Succeeded"

    def _folder(self, key: str) -> Path:
        return self.settings.state / "deployments" / key.replace("/", "+")


def _safe(kind: str) -> str:
    return "".join(letter for letter in kind if letter.isalnum()) or "log"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/", timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
