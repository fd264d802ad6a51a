"""The emulator alone, as another project uses it: in memory, its storage with it, by its pytest plugin."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from local.azureml import launch
from local.azureml.__main__ import main
from tests.local.azureml.rig import ROOT, until

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFTEST = 'pytest_plugins = ["local.azureml.pytest_plugin"]\n'
TEST = """
import pytest

@pytest.mark.filterwarnings("ignore")
def test_data_is_registered(azureml, tmp_path):
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Data
    from azure.identity import DefaultAzureCredential

    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}")
    client = MLClient(DefaultAzureCredential(), **azureml.workspace)
    made = client.data.create_or_update(Data(name="rows", version="1", path=str(rows), type="uri_file"))
    assert made.path.endswith("rows.jsonl")
    assert [data.name for data in client.data.list()] == ["rows"]
"""


@pytest.mark.slow
def test_another_project_tests_against_it(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_theirs.py").write_text(TEST)
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def started(log: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "local.azureml", "--foundation", "tiny", *options]
    with log.open("w") as err:
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=err, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_in_memory_outlives_it(tmp_path: Path, number: signal.Signals) -> None:
    child = started(tmp_path / "log", "--in-memory")
    assert child.stdout
    ready = json.loads(child.stdout.readline())
    folder = Path(ready["environment"]["NODE_EXTRA_CA_CERTS"]).parents[1]
    parent = psutil.Process(child.pid)
    children = parent.children(recursive=True)
    assert len(children) >= 2, children  # at least Azurite and the guard over it
    child.send_signal(number)
    code = child.wait(30)
    child.stdout.close()
    until(lambda: not [p for p in children if p.is_running()], 20, "no child is left")
    if number != signal.SIGKILL:
        assert code == 0
        assert not folder.exists()
        assert "Traceback" not in (tmp_path / "log").read_text()


def test_what_it_finds_is_the_same_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    asked = ["--state", str(tmp_path / "state"), "--blob-url", "https://127.0.0.1:9/devstoreaccount1"]
    certificates = []
    for _ in range(2):
        child = started(tmp_path / "log", *asked)
        assert child.stdout
        ready = json.loads(child.stdout.readline())
        certificates.append(Path(ready["environment"]["REQUESTS_CA_BUNDLE"]).read_bytes())
        child.terminate()
        assert child.wait(30) == 0
        child.stdout.close()
    assert certificates[0] == certificates[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Say --state DIR"),
        (["--state", "a", "--in-memory"], "Say --state DIR"),
        (["--in-memory", "--cert", "a.pem"], "--cert and --key go together"),
    ],
)
def test_options_that_contradict_are_told(options: Sequence[str], said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        main(list(options))


def test_the_models_are_this_checkouts_unless_told_otherwise() -> None:
    assert launch.MODELS.parts[-2:] == (".droptune", "models")
