"""A guard over one child process: `python guard.py`, its orders as JSON lines on standard input.

The first line is `{argv, cwd, env, log}`; `{"stop": true}` ends the child, and so does the end of the
input. So a child never outlives whoever holds the other end, not even that one's SIGKILL. It answers
`{"pid"}` and `{"exit"}`. Standard library alone: it starts in a few hundredths of a second.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 5.0
PARENT_DIES = 1  # PR_SET_PDEATHSIG, prctl(2)


def main() -> None:
    """Run the child to its end, tell how it ended, and leave."""
    order = json.loads(sys.stdin.readline())
    with open(order["log"], "ab") as log:  # noqa: PTH123 - pathlib would double the start-up time
        child = subprocess.Popen(
            order["argv"],
            cwd=order["cwd"],
            env=order["env"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform.startswith("linux") else None,  # noqa: PLW1509
        )
    _say({"pid": child.pid})
    threading.Thread(target=_watch, args=(child,), daemon=True).start()
    code = child.wait()
    _signal(child.pid, signal.SIGKILL)  # what the command left in its session goes with it
    _say({"exit": code})
    os._exit(0)  # the thread still reads: an orderly shutdown would wait for its lock


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PARENT_DIES, signal.SIGKILL)


def _watch(child: subprocess.Popen[bytes]) -> None:
    """Wait for the order to stop, or for the end of the input; then end the child's whole session."""
    for line in sys.stdin:
        if json.loads(line).get("stop"):
            break
    _signal(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(child.pid, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _say(line: dict[str, int]) -> None:
    try:
        print(json.dumps(line), flush=True)
    except BrokenPipeError:
        # Whoever asked is gone: there is nobody to tell, and the child is ended all the same.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
