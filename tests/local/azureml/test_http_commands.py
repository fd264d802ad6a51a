"""Command jobs over plain HTTP: a real child process, what it gets, what it leaves, how it ends."""

from __future__ import annotations

import signal
import uuid
import venv
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.local.azureml.commands import command, log_of, read, submit
from tests.local.azureml.flow import details, path, wait_for
from tests.local.azureml.rig import WS, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator


@pytest.fixture
def name() -> str:
    return f"cmd-{uuid.uuid4().hex[:12]}"


def literal(value: str) -> dict[str, str]:
    return {"value": value, "jobInputType": "literal"}


def outputs(emulator: Emulator, name: str) -> Any:
    return emulator.arm("GET", f"/jobs/{name}").json()["properties"]["outputs"]


def test_inputs_reach_the_command_and_outputs_are_kept(
    emulator: Emulator, storage: Storage, name: str
) -> None:
    storage.put("azureml-blobstore", f"{name}/in/a.txt", b"A")
    storage.put("azureml-blobstore", f"{name}/in/deep/b.txt", b"B")
    text = (
        "cat ${{inputs.folder}}/a.txt ${{inputs.folder}}/deep/b.txt > ${{outputs.out}}/both.txt; "
        "echo ${{inputs.word}} $AZURE_ML_INPUT_word $E >> ${{outputs.out}}/both.txt; "
        "wc -l < ${{inputs.rows}} > ${{outputs.file}}; echo said $[[--more ${{inputs.missing}}]]"
    )
    data = f"azureml://datastores/workspaceblobstore/paths/{name}/in/"
    body = command(
        text,
        environmentVariables={"E": "variable"},
        inputs={
            "folder": {"uri": data, "jobInputType": "uri_folder"},
            "rows": {"uri": path("chats/train.jsonl"), "jobInputType": "uri_file"},
            "word": literal("five"),
        },
        outputs={"out": {"jobOutputType": "uri_folder"}, "file": {"jobOutputType": "uri_file"}},
    )
    submit(emulator, name, body)
    wait_for(emulator, name, "Completed")
    found = outputs(emulator, name)
    assert read(storage, found["out"]["uri"], "both.txt") == "ABfive five variable\n"
    assert read(storage, found["file"]["uri"].rstrip("/")).strip() == "12"
    assert "said\n" in log_of(emulator, name)
    assert "sklearn-1.5/labels/latest is not built" in log_of(emulator, name)


def test_outputs_and_logs_are_the_runs_artifacts(emulator: Emulator, storage: Storage, name: str) -> None:
    submit(emulator, name, command("mkdir -p outputs/deep && echo 1 > outputs/deep/x && echo heard"))
    wait_for(emulator, name, "Completed")
    top = f"ExperimentRun/dcid.{name}/"
    assert {one.removeprefix(top) for one in storage.names("azureml", top)} == {
        "outputs/deep/x",
        "user_logs/std_log.txt",
    }


def test_a_named_output_becomes_an_asset(emulator: Emulator, storage: Storage, name: str) -> None:
    place = "azureml://datastores/workspaceblobstore/paths/mine/${{name}}/${{output_name}}/"
    wanted = {"jobOutputType": "uri_folder", "uri": place, "assetName": name}
    submit(emulator, name, command("echo 1 > ${{outputs.kept}}/x", outputs={"kept": wanted}))
    wait_for(emulator, name, "Completed")
    data = emulator.arm("GET", f"/data/{name}/versions/1").json()["properties"]
    assert data["dataUri"].endswith(f"/paths/mine/{name}/kept/")
    assert read(storage, data["dataUri"], "x") == "1\n"


def test_a_command_that_fails_fails_its_job_and_keeps_its_log(
    emulator: Emulator, storage: Storage, name: str
) -> None:
    submit(emulator, name, command("echo the reason >&2; exit 3"))
    wait_for(emulator, name, "Failed")
    error = emulator.http("GET", details(name)).json()["error"]["error"]
    assert (error["code"], "exit code 3" in error["message"]) == ("UserError", True)
    assert "the reason" in error["message"]
    kept = f"ExperimentRun/dcid.{name}/user_logs/std_log.txt"
    assert storage.names("azureml", kept) == [kept]


def test_a_command_ends_at_its_limit(emulator: Emulator, name: str) -> None:
    submit(emulator, name, command("sleep 100", limits={"jobLimitsType": "Command", "timeout": "PT1S"}))
    wait_for(emulator, name, "Failed", seconds=30)
    assert "limit of 1 s" in emulator.http("GET", details(name)).text


def pid_of(emulator: Emulator, name: str) -> int:
    """Wait for the job to say its process id."""
    wait_for(emulator, name, "Running")

    def said() -> str:
        lines = [line for line in log_of(emulator, name).splitlines() if line.startswith("pid ")]
        return lines[0].split()[1] if lines else ""

    return int(until(said, 30, "the command says its pid"))


def test_cancel_ends_the_command_and_what_it_started(emulator: Emulator, name: str) -> None:
    submit(emulator, name, command("sleep 200 & echo pid $!; trap '' TERM; wait"))
    pid = pid_of(emulator, name)
    assert emulator.arm("POST", f"/jobs/{name}/cancel").status_code == 202
    wait_for(emulator, name, "Canceled", seconds=30)
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_no_command_outlives_the_emulator(make_emulator: Callable[..., Emulator], how: str) -> None:
    emulator = make_emulator()
    submit(emulator, "alone", command("sleep 200 & echo pid $!; wait"))
    pid = pid_of(emulator, "alone")
    if how == "kill":
        emulator.stop(signal.SIGKILL)
    else:
        emulator.stop()
    until(lambda: not psutil.pid_exists(pid), 20, "the command's child is gone")


def test_an_interrupted_command_runs_again_from_its_start(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator()
    flag = emulator.folder / "flag"
    text = f"if [ -e {flag} ]; then echo second; else touch {flag}; sleep 200; fi"
    submit(emulator, "again", command(text))
    until(flag.exists, 30, "the command runs")
    emulator.stop(signal.SIGKILL)
    emulator.start()
    wait_for(emulator, "again", "Completed")
    assert "second" in log_of(emulator, "again")


def test_what_is_wrong_is_refused_at_submit(emulator: Emulator, name: str) -> None:
    def refused(status: int, message: str, body: dict[str, Any]) -> None:
        answer = emulator.arm("PUT", f"/jobs/{name}", json=body)
        assert answer.status_code == status, answer.text
        assert message in answer.json()["error"]["message"]

    refused(400, "needs a command", command(" "))
    refused(400, "names ${{inputs.x}}", command("echo ${{inputs.x}}"))
    refused(400, "not found in this workspace", command("ls", computeId=f"{WS}/computes/none"))
    refused(404, "code", command("ls", codeId=f"{WS}/codes/none/versions/1"))
    refused(404, "environment", command("ls", environmentId=f"{WS}/environments/none/versions/1"))
    lost = {"uri": f"{WS}/data/none/versions/1", "jobInputType": "uri_file"}
    refused(404, "data", command("ls ${{inputs.a}}", inputs={"a": lost}))
    service = {"jupyter": {"jobServiceType": "JupyterLab"}}
    refused(501, "services of a job: jupyter", command("ls", services=service))
    refused(501, "job of type Sweep", {"properties": {"jobType": "Sweep"}})
    refused(501, "job of type AutoML", {"properties": {"jobType": "AutoML"}})


def test_the_emulators_own_environment_stays_its_own(
    make_emulator: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_OF_MINE", "x")
    emulator = make_emulator()
    submit(emulator, "env", command("env"))
    wait_for(emulator, "env", "Completed")
    lines = dict(line.partition("=")[::2] for line in log_of(emulator, "env").splitlines() if "=" in line)
    assert "A_SECRET_OF_MINE" not in lines
    assert lines["MLFLOW_RUN_ID"] == lines["AZUREML_RUN_ID"] == "env"
    assert lines["MLFLOW_TRACKING_URI"].startswith(emulator.url)


def test_commands_run_with_the_python_that_is_given(
    make_emulator: Callable[..., Emulator], tmp_path: Path
) -> None:
    """An environment of the user's own, for packages that the emulator's lacks or has in another version."""
    venv.create(tmp_path / "theirs", symlinks=True)
    python = tmp_path / "theirs" / "bin" / "python"
    emulator = make_emulator("--python", str(python))
    submit(emulator, "theirs", command("python -c 'import sys; print(sys.prefix)'"))
    wait_for(emulator, "theirs", "Completed")
    assert f"\n{tmp_path / 'theirs'}\n" in log_of(emulator, "theirs")
    assert f"this runs with {python}" in log_of(emulator, "theirs")


def test_a_distributed_command_runs_alone_and_says_so(emulator: Emulator, name: str) -> None:
    spread = {"distributionType": "PyTorch", "processCountPerInstance": 2}
    submit(emulator, name, command("echo rank $RANK of $WORLD_SIZE", distribution=spread))
    wait_for(emulator, name, "Completed")
    log = log_of(emulator, name)
    assert "this runs as one process on one node" in log
    assert "rank 0 of 1" in log
