"""Run programs with their progress shown, and tell a person what to do when one fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent.parent
HOME = ROOT / ".droptune"
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
TAIL = 25


class Failed(Exception):
    """A stage failed; the text says what, and the next command."""


def say(text: str) -> None:
    """Tell a person, on stderr: stdout belongs to what was asked for."""
    print(text, file=sys.stderr, flush=True)


def quietly(what: str, command: Sequence[object], cwd: Path = ROOT) -> None:
    """Run a program, its output in a log, a dot every two seconds; raises Failed with the log's end."""
    log = HOME / "logs" / "setup.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    print(f"  {what} ", end="", file=sys.stderr, flush=True)
    with log.open("wb") as out:
        process = subprocess.Popen([str(part) for part in command], cwd=cwd, stdout=out, stderr=out)
        while True:
            try:
                code = process.wait(2)
                break
            except subprocess.TimeoutExpired:
                print(".", end="", file=sys.stderr, flush=True)
    print(f" {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    if code:
        lines = log.read_text("utf-8", "replace").splitlines()[-TAIL:]
        raise Failed(
            f"{what} failed. The end of {log}:\n" + "\n".join(lines) + "\nTry again: python3 dev.py setup"
        )


def shown(command: Sequence[object], *, to_stderr: bool = False) -> int:
    """Run a program in the foreground and give its exit code.

    A terminal sends Ctrl-C to the program too: it is waited for while it ends what it started. SIGTERM comes
    to us alone, and is passed on.
    """
    out = sys.stderr if to_stderr else None
    with subprocess.Popen([str(part) for part in command], cwd=ROOT, stdout=out) as process:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            while True:
                with suppress(KeyboardInterrupt):
                    return process.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
