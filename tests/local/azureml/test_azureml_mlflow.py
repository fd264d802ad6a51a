"""Microsoft's own MLflow plugin, in an environment of its own, against the workspace's tracking URI."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.devtools.shell import HOME, PYTHON, VENV
from tests.local.azureml.flow import submit, wait_for

if TYPE_CHECKING:
    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

PLUGINS_PYTHON = HOME / "azureml-mlflow" / PYTHON.relative_to(VENV)
PROGRAM = Path(__file__).with_name("plugin_reads.py")


@pytest.mark.slow
def test_the_plugin_reads_the_losses_of_a_finished_run(emulator: Emulator, storage: Storage) -> None:
    assert storage
    if not PLUGINS_PYTHON.exists():
        pytest.fail("azureml-mlflow is not installed: python3 dev.py test --all")
    submit(emulator, "for-the-plugin")
    wait_for(emulator, "for-the-plugin", "Completed")
    workspace = emulator.arm("GET", "").json()["properties"]
    command = [str(PLUGINS_PYTHON), "-W", "ignore", str(PROGRAM)]
    command += [workspace["mlFlowTrackingUri"], "for-the-plugin"]
    done = subprocess.run(
        command, env=emulator.environment(), capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert (found["status"], found["experiment"]) == ("FINISHED", "exp")
    assert found["losses"] == pytest.approx([1, 1 / 2, 1 / 3])
    assert found["eval_loss"] == 3.0
    assert "chat_completion_finetune" in found["children"]
    assert found["own"] == {"seen": 1.0}
