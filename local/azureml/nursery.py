"""The trainer's nursery: one child of the emulator, from which jobs and servers are forked.

It reads requests as JSON lines and answers `pid` and `exit` by request id; when its standard input
ends, it ends its children. So nothing outlives the emulator, not even its SIGKILL.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import threading
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOG = logging.getLogger("azureml.nursery")
LOST = -255


class Child:
    """One process that the nursery runs for us; ended once `exit` is set."""

    def __init__(self, nursery: Nursery, identity: str) -> None:
        """Wait to hear of the process."""
        self._nursery = nursery
        self.identity = identity
        self.pid: int | None = None
        self.exit: int | None = None
        self._ended = threading.Event()

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether the process has ended, waiting up to `seconds` for it."""
        return self._ended.wait(seconds)

    def stop(self) -> None:
        """Ask the nursery to end the process: SIGTERM, later SIGKILL. Returns at once."""
        if not self._ended.is_set():
            self._nursery.send({"id": self.identity, "stop": True})

    def hear(self, message: dict[str, Any]) -> None:
        """Take in what the nursery says about this process."""
        if "pid" in message:
            self.pid = message["pid"]
        if "exit" in message:
            self.exit = message["exit"]
            self._ended.set()


class Nursery:
    """Starts the nursery's process when first needed, and again where it has died."""

    def __init__(self, command: Sequence[str], log: Path, patience: float) -> None:
        """Run `command`, its standard error going to `log`; on close wait `patience` seconds."""
        self._command = list(command)
        self._log = log
        self._patience = patience
        self._lock = threading.RLock()
        self._process: subprocess.Popen[str] | None = None
        self._children: dict[str, Child] = {}
        self._closed = False

    def start(self, kind: str, spec: Path, log: Path) -> Child:
        """Have the nursery start a `finetune` or `serve` with this spec, its output going to `log`."""
        child = Child(self, uuid.uuid4().hex)
        with self._lock:
            self.warm()
            self._children[child.identity] = child
        self.send({"id": child.identity, "start": kind, "spec": str(spec), "log": str(log)})
        return child

    def warm(self) -> None:
        """Start the process if it does not run, so that its imports are done when it is needed."""
        with self._lock:
            if self._closed or (self._process and self._process.poll() is None):
                return
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    bufsize=1,
                    start_new_session=True,  # a terminal's Ctrl-C reaches only the emulator, which ends it
                )
            threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Write one request; if the nursery is gone, the child it was for counts as lost."""
        with self._lock:
            process = self._process
            try:
                if process is None or process.stdin is None:
                    raise BrokenPipeError
                process.stdin.write(json.dumps(message) + "\n")
                process.stdin.flush()
            except (OSError, ValueError):
                self._lose([message["id"]])

    def close(self) -> None:
        """End the nursery and with it every child; kill it if it does not end in time."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            process.wait(self._patience)
        except subprocess.TimeoutExpired:
            LOG.warning("the nursery did not end within %g s and is killed", self._patience)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        with process.stdout:
            for line in process.stdout:
                self._hear(line)
        process.wait()
        with self._lock:
            if self._process is process:
                self._lose(list(self._children))

    def _hear(self, line: str) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            LOG.warning("the nursery wrote a line that is no JSON: %s", line.strip()[:200])
            return
        with self._lock:
            child = self._children.get(message.get("id", ""))
            if child and "exit" in message:
                del self._children[child.identity]
        if child:
            child.hear(message)

    def _lose(self, identities: list[str]) -> None:
        for identity in identities:
            child = self._children.pop(identity, None)
            if child:
                child.hear({"exit": LOST})
