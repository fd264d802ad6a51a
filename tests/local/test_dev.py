"""`dev.py` in the foreground: what it runs ends what it started, whoever says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from local.devtools.setup import SCRIPT
from local.layout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKER = """
import pathlib, signal, sys, time
for one in (signal.SIGINT, signal.SIGTERM):  # a shell lets what it starts with & ignore the first
    signal.signal(one, signal.default_int_handler)
try:
    print("ready", flush=True)
    time.sleep(300)
except KeyboardInterrupt:
    time.sleep(1)  # as a stack takes to end
    pathlib.Path(sys.argv[1]).write_text("ended")
    sys.exit(7)
"""
RUNNER = """
import signal, sys
from local.devtools.shell import shown
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(shown([sys.executable, *sys.argv[1:]]))
"""


@pytest.mark.parametrize("by", ["the terminal", "kill"])
def test_a_program_in_the_foreground_is_waited_for_while_it_ends(tmp_path: Path, by: str) -> None:
    """Ctrl-C goes to all of the terminal's programs, `kill` to one; `subprocess.run` would kill its child."""
    worker, left = tmp_path / "worker.py", tmp_path / "left"
    worker.write_text(WORKER)
    command = [sys.executable, "-c", RUNNER, str(worker), str(left)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            if by == "the terminal":
                os.killpg(process.pid, signal.SIGINT)
            else:
                process.terminate()
            assert process.wait(60) == 7
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert left.read_text() == "ended"


def test_the_installed_command_checks_a_large_file_on_several_cores(tmp_path: Path) -> None:
    """Each process that helps imports the command's script anew: without a guard it runs there again."""
    script = tmp_path / "droptune"
    few = SCRIPT.replace("\n\n", "\nfrom shared.cli import dropping\n\ndropping.LARGE = 0\n", 1)
    assert "LARGE" in few
    script.write_text(few)
    data = ROOT / "local" / "demo_data" / "acme-support.jsonl"
    command = [sys.executable, str(script), "check", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usable")
