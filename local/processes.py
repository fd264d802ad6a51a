"""Child processes that outlive us: started, awaited by their ready line, found again, ended by their id."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_SECONDS = 90.0
STOP_SECONDS = 25.0
TAIL_LINES = 25


class NotReady(Exception):
    """A process did not come up; the text holds the end of its log."""


@dataclass(frozen=True)
class Child:
    """A process we started. born: its creation time, so that a pid used again is not taken for it."""

    name: str
    pid: int
    born: float

    def alive(self) -> bool:
        """Tell whether it still runs."""
        process = self._process()
        return process is not None and process.status() != psutil.STATUS_ZOMBIE

    def end(self, *, kill: bool = False) -> None:
        """End it and wait for it: SIGTERM first and SIGKILL after 25 s, or SIGKILL at once."""
        process = self._process()
        if process is None:
            return
        try:
            process.kill() if kill else process.terminate()
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
        except psutil.NoSuchProcess:
            return

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            return process if abs(process.create_time() - self.born) < 1 else None
        except psutil.NoSuchProcess:
            return None


def start(name: str, command: Sequence[str], env: Mapping[str, str], log: Path, folder: Path) -> Child:
    """Start a process in a session of its own, its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=dict(env),
            cwd=folder,
            start_new_session=True,
        )
    child = Child(name, process.pid, psutil.Process(process.pid).create_time())
    # It may outlive us: from here on psutil watches it, and Popen must not complain that nobody waits.
    process.returncode = 0
    return child


def await_line(child: Child, log: Path, offset: int, wanted: str) -> dict[str, Any]:
    """Wait for a line of the log that holds `wanted`; returns it where it is JSON. Raises NotReady."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with log.open("rb") as file:
            file.seek(offset)
            for line in file.read().decode("utf-8", "replace").splitlines():
                if wanted in line:
                    return _json(line)
        if not child.alive():
            break
        time.sleep(0.05)
    what = "did not come up in time" if child.alive() else "ended at once"
    child.end(kill=True)
    raise NotReady(f"{child.name} {what}. The end of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Read the end of a log."""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:]) if log.exists() else ""


def free_port(wanted: int | None) -> int:
    """Take the wanted port where it is free, else any."""
    for port in (wanted or 0, 0):
        with socket.socket() as probe:
            # As servers do: a port whose last connection lingers is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    print("no port is free on 127.0.0.1", file=sys.stderr)
    raise OSError


def _json(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
