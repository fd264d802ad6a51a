"""The processes behind deployments, by deployment."""

from __future__ import annotations

import logging
import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from local.azureml.records import Deployment
from local.azureml.server import Server

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.containers import Containers
    from local.azureml.lives import Lives
    from local.azureml.mishaps import Mishaps
    from local.azureml.models import ModelFolders
    from local.azureml.settings import Settings
    from local.azureml.state import Store
    from local.azureml.web import Json

LOG = logging.getLogger("azureml.serving")


@dataclass(frozen=True)
class Tools:
    """What servers need: processes out of `containers`, models out of `models`."""

    settings: Settings
    store: Store
    containers: Containers
    models: ModelFolders
    lives: Lives
    mishaps: Mishaps


class Servers:
    """All servers of this emulator, by deployment."""

    def __init__(self, tools: Tools) -> None:
        """Start servers with these tools."""
        self.tools = tools
        self._store = tools.store
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
        self.tools.models.clean_up()

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
            return replace(kept, state="Succeeded", served=True, error=None) if ours else kept

        self._store.change(Deployment, key, changed)

    def failed(self, key: str, turn: int, why: str) -> bool:
        """Write down that the server did not come up; return whether to try again.

        Azure gives no code here: the message begins with it.
        """
        error: Json = {"code": None, "message": why, "details": []}

        def changed(kept: Deployment) -> Deployment:
            ours = kept.turn == turn and kept.state in ("Creating", "Updating")
            return replace(kept, state="Failed", error=error) if ours else kept

        kept = self._store.change(Deployment, key, changed)
        LOG.warning("deployment %s: %s", key, why)
        return kept is not None and kept.turn == turn and kept.state == "Succeeded"

    def _folder(self, key: str) -> Path:
        return self.tools.settings.state / "deployments" / key.replace("/", "+")


def _safe(kind: str) -> str:
    return "".join(letter for letter in kind if letter.isalnum()) or "log"
