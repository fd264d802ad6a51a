"""`dev.py` in the foreground: what it runs ends what it started, whoever says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local.layout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKER = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    print("ready", flush=True)
    time.sleep(300)
except KeyboardInterrupt:
    time.sleep(1)  # as a stack takes to end
    pathlib.Path(sys.argv[1]).write_text("ended")
    sys.exit(7)
"""
RUNNER = (
    "import sys; from local.devtools.shell import shown; sys.exit(shown([sys.executable, *sys.argv[1:]]))"
)


@pytest.mark.parametrize("by", ["the terminal", "kill"])
def test_a_program_in_the_foreground_is_waited_for_while_it_ends(tmp_path: Path, by: str) -> None:
    """Ctrl-C goes to all of the terminal's programs, `kill` to one; `subprocess.run` would kill its child."""
    worker, left = tmp_path / "worker.py", tmp_path / "left"
    worker.write_text(WORKER)
    command = [sys.executable, "-c", RUNNER, str(worker), str(left)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        if by == "the terminal":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.terminate()
        assert process.wait(60) == 7
    assert left.read_text() == "ended"
