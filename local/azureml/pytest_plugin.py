"""An Azure ML workspace for another project's tests: `pytest_plugins = ["local.azureml.pytest_plugin"]`.

It needs nothing but pytest where the tests run. The emulator itself runs with the Python that
AZUREML_EMULATOR_PYTHON names (this checkout's `.venv/bin/python`), else with the tests' own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "AZUREML_EMULATOR_PYTHON"
_STOP_SECONDS = 30


@dataclass(frozen=True)
class AzureML:
    """A running workspace: where it is, and the variables by which any client finds it."""

    url: str
    environment: Mapping[str, str]

    @property
    def workspace(self) -> dict[str, str]:
        """The three names that MLClient wants, as its keyword arguments."""
        return {
            "subscription_id": self.environment["AZURE_SUBSCRIPTION_ID"],
            "resource_group_name": self.environment["AZURE_RESOURCE_GROUP"],
            "workspace_name": self.environment["AZUREML_WORKSPACE_NAME"],
        }


@contextmanager
def running(*options: str) -> Iterator[AzureML]:
    """Run an emulator in memory, with its own storage, until the block ends. options: its command line."""
    python = os.environ.get(PYTHON, sys.executable)  # noqa: TID251 - another project's tests have no settings
    command = [python, "-m", "local.azureml", "--in-memory", "--foundation", "tiny", *options]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        line = child.stdout.readline() if child.stdout else ""
        if not line.startswith("{"):
            raise RuntimeError(f"The emulator did not start: {' '.join(command)} in {ROOT}; see above.")
        ready = json.loads(line)
        yield AzureML(ready["url"], ready["environment"])
    finally:
        child.terminate()
        child.wait(_STOP_SECONDS)
        if child.stdout:
            child.stdout.close()


@pytest.fixture(scope="session")
def azureml_emulator() -> Iterator[AzureML]:
    """Give one workspace for the whole session."""
    with running() as found:
        yield found


@pytest.fixture
def azureml(azureml_emulator: AzureML, monkeypatch: pytest.MonkeyPatch) -> AzureML:
    """Give the workspace, with its variables set for this test."""
    for name, value in azureml_emulator.environment.items():
        monkeypatch.setenv(name, value)
    return azureml_emulator
