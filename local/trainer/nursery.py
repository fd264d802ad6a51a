"""A fork server: it imports everything once and never computes; each job and server is a fork of it.

Lines of JSON on stdin: `{"id", "start", "spec", "log"}`, start being one of __main__.TASKS, and
`{"id", "stop": true}`; on stdout: `{"ready": true}`, `{"id", "pid"}`, `{"id", "exit"}`. The end of stdin ends
every child and the nursery. Where forking is unsafe (macOS, Windows) children are spawned instead.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

FORKS = sys.platform.startswith("linux")
GRACE_SECONDS = 5.0
PARENT_DIES = 1  # PR_SET_PDEATHSIG, prctl(2)


def nurse() -> int:
    """Serve requests until stdin ends."""
    if FORKS:
        _import_everything_unless_left()
    nursery = Nursery()
    _say({"ready": True})
    nursery.run()
    return 0


class Nursery:
    """The children and what is asked of them."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._killed_at: dict[int, float] = {}
        self._input = b""

    def run(self) -> None:
        """Read requests and tell of ends; return when stdin has ended and every child with it."""
        reading = True
        while reading or self._names:
            if reading:
                ready, _, _ = select.select([0], [], [], 0.1)
                reading = not ready or self._read()
                if not reading:
                    for pid in list(self._names):
                        self._stop(pid)
            else:
                time.sleep(0.05)
            self._reap()

    def _read(self) -> bool:
        data = os.read(0, 65536)
        self._input += data
        *lines, self._input = self._input.split(b"\n")
        for line in lines:
            if line.strip():
                self._handle(json.loads(line))
        return bool(data)

    def _handle(self, request: dict[str, Any]) -> None:
        if request.get("stop"):
            for pid, name in self._names.items():
                if name == request["id"]:
                    self._stop(pid)
            return
        pid = _fork(request) if FORKS else _spawn(request)
        self._names[pid] = request["id"]
        _say({"id": request["id"], "pid": pid})

    def _stop(self, pid: int) -> None:
        _signal(pid, signal.SIGTERM)
        self._killed_at.setdefault(pid, time.monotonic() + GRACE_SECONDS)

    def _reap(self) -> None:
        for pid, deadline in list(self._killed_at.items()):
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
        while self._names:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self._killed_at.pop(pid, None)
            name = self._names.pop(pid, None)
            if name is not None:
                _say({"id": name, "exit": os.waitstatus_to_exitcode(status)})


def _fork(request: dict[str, Any]) -> int:
    parent, pid = os.getpid(), os.fork()
    if pid:
        return pid
    code = 1
    try:
        _become_child(parent, Path(request["log"]))
        from local.trainer.tasks import run

        code = run(request["start"], Path(request["spec"]))
    except BaseException:  # noqa: BLE001 - the child must end here, and its log says why
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _become_child(parent: int, log: Path) -> None:
    """Leave the nursery's session, die with it, write to the log."""
    os.setsid()
    ctypes.CDLL(None).prctl(PARENT_DIES, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)


def _spawn(request: dict[str, Any]) -> int:
    with Path(request["log"]).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "local.trainer", request["start"], request["spec"]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return child.pid


def _signal(pid: int, sign: signal.Signals) -> None:
    try:
        os.killpg(pid, sign)
    except ProcessLookupError:
        return


def _import_everything_unless_left() -> None:
    """Import, and end at once where whoever asked is gone meanwhile: nobody is left to tell us."""
    done = threading.Event()
    watch = threading.Thread(target=_end_when_left, args=(done,))
    watch.start()
    try:
        _import_everything()
    finally:
        done.set()
        watch.join()  # a fork must find one thread alone


def _end_when_left(done: threading.Event) -> None:
    poller = select.poll()
    poller.register(0, 0)
    while not done.is_set():
        if any(event & select.POLLHUP for _, event in poller.poll(100)):
            os._exit(0)


def _import_everything() -> None:
    """Pay for the imports once (about 15 s); nothing is computed, so that forks are safe."""
    import datasets
    import mlflow.transformers  # noqa: F401
    import peft  # noqa: F401
    import torch  # noqa: F401
    import uvicorn  # noqa: F401
    from transformers.models.llama import modeling_llama  # noqa: F401

    from local.trainer import finetune, prepare, serve  # noqa: F401

    datasets.disable_progress_bars()


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
