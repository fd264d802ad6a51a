"""One deployment's server: its process started, watched, started again, ended."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import httpx

from local.azureml.blobstore import BlobFailure
from local.azureml.errors import AzureError
from local.azureml.mishaps import CRASHED
from local.azureml.records import Deployment

if TYPE_CHECKING:
    from local.azureml.containers import Process
    from local.azureml.mishaps import Mishap
    from local.azureml.serving import Servers

LOG = logging.getLogger("azureml.serving")
_LOOK = 0.2
_BEAT = 5
_PAUSE = 5


class NotServed(Exception):
    """The server could not be brought up; the message is Azure's, the reason lies in the container's log."""


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
        mishap = self._owner.tools.mishaps.take("deployment", self._key)
        if mishap:
            raise NotServed(self._struck(mishap))
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

    def _struck(self, mishap: Mishap) -> str:
        self._note(*mishap.log)
        return f"{mishap.error['code']}: {mishap.error['message']}"

    def _crashed(self, reason: str) -> NotServed:
        self._note(reason)
        return NotServed(f"ResourceNotReady: {CRASHED}")

    def _note(self, *lines: str) -> None:
        log = self._owner.log(self._key, "InferenceServer")
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def _start(self) -> tuple[Process, str]:
        folder = self._owner.log(self._key, "InferenceServer").parent
        deployment = self._owner.tools.store.get(Deployment, self._key)
        if deployment is None:
            raise NotServed("The deployment is gone.")
        try:
            return self._owner.tools.containers.start(deployment, folder)
        except (AzureError, BlobFailure, OSError) as error:
            raise NotServed(f"BadArgument: Unable to download user model: {error}") from error

    def _await_answer(self, child: Process, address: str) -> None:
        limit = self._owner.tools.settings.limits.server_start
        end = time.monotonic() + limit
        while not child.wait(_LOOK):
            if self._stop.is_set():
                raise NotServed("stopped")
            if _answers(address):
                return
            if time.monotonic() > end:
                raise self._crashed(f"Liveness probe failed: no answer to GET / within {limit:g} s.")
        raise self._crashed(f"The server ended with exit code {child.exit}.")

    def _stay(self, child: Process) -> None:
        life = self._owner.tools.lives.begin(self._endpoint, self._name, child.pid)
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


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/", timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
