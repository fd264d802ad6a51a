"""Users' own programs as children: commands of jobs, servers of deployments. None outlives the emulator."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GUARD = Path(__file__).with_name("guard.py")
LOST = -255


class Guarded:
    """One program under its guard; ended once `exit` is set."""

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], log: Path) -> None:
        """Start the program in `cwd` with exactly `env`, its output going to `log`."""
        self.pid: int | None = None
        self.exit: int | None = None
        self._ended = threading.Event()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            start_new_session=True,  # a terminal's Ctrl-C reaches only the emulator, which ends it
        )
        self._send({"argv": list(argv), "cwd": str(cwd), "env": dict(env), "log": str(log)})
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether the program has ended, waiting up to `seconds` for it."""
        return self._ended.wait(seconds)

    def stop(self) -> None:
        """Ask for the program's end: SIGTERM, later SIGKILL. Returns at once."""
        if not self._ended.is_set():
            self._send({"stop": True})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            if self._guard.stdin:
                self._guard.stdin.write(json.dumps(message) + "\n")
                self._guard.stdin.flush()
        except (OSError, ValueError):
            # The guard is gone, and the program with it; _listen tells how it ended.
            return

    def _listen(self) -> None:
        if self._guard.stdout is None or self._guard.stdin is None:
            return
        with self._guard.stdout, self._guard.stdin:
            for line in self._guard.stdout:
                self._hear(json.loads(line))
        self._guard.wait()
        self.exit = LOST if self.exit is None else self.exit
        self._ended.set()

    def _hear(self, message: dict[str, int]) -> None:
        self.pid = message.get("pid", self.pid)
        self.exit = message.get("exit", self.exit)
