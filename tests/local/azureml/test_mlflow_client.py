"""MLflow's own client against the tracking URI: what it writes is what it, the SDK and jobs read."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from local.azureml import run_filters
from local.azureml.errors import AzureError
from tests.local.azureml.commands import command, log_of, submit
from tests.local.azureml.flow import wait_for
from tests.local.azureml.rig import WS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

# MLflow and what it imports warn in many places: that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def mlflow(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    for key, value in emulator.environment().items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", emulator.token("https://management.azure.com"))
    import mlflow

    mlflow.set_tracking_uri(f"{emulator.url}/mlflow/v2.0{WS}")
    return mlflow


@pytest.fixture
def experiment() -> str:
    return f"exp-{uuid.uuid4().hex[:8]}"


def test_a_run_of_the_clients_own_is_written_and_read(mlflow: Any, experiment: str, tmp_path: Path) -> None:
    mlflow.set_experiment(experiment)
    note = tmp_path / "note.txt"
    note.write_text("kept")
    with mlflow.start_run(run_name="mine") as run:
        mlflow.log_params({"lr": 0.1, "name": "x"})
        mlflow.log_metrics({"loss": 0.5}, step=1)
        mlflow.log_metrics({"loss": 0.25, "nothing": float("nan")}, step=2)
        mlflow.set_tag("team", "a")
        mlflow.log_artifact(str(note), "deep")
    client = mlflow.MlflowClient()
    read = client.get_run(run.info.run_id)
    assert (read.info.status, read.info.run_name) == ("FINISHED", "mine")
    assert read.data.params == {"lr": "0.1", "name": "x"}
    assert read.data.metrics == {"loss": 0.25}  # Azure ML keeps no value that is not a number
    assert read.data.tags["team"] == "a"
    assert [point.value for point in client.get_metric_history(run.info.run_id, "loss")] == [0.5, 0.25]
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["deep"]
    assert mlflow.artifacts.load_text(f"{read.info.artifact_uri}/deep/note.txt") == "kept"
    with pytest.raises(mlflow.MlflowException, match="Changing param values is not allowed"):
        client.log_param(run.info.run_id, "lr", 0.2)
    client.delete_run(run.info.run_id)
    assert client.search_runs([run.info.experiment_id]) == []


def test_runs_are_searched_and_ordered(mlflow: Any, experiment: str) -> None:
    mlflow.set_experiment(experiment)
    for place, loss in enumerate((0.5, 0.1, 0.9)):
        with mlflow.start_run(run_name=f"r{place}"):
            mlflow.log_metric("loss", loss)
            mlflow.log_param("kind", "even" if place % 2 == 0 else "odd")

    def found(text: str, *order: str) -> list[str]:
        runs = mlflow.search_runs(
            experiment_names=[experiment], filter_string=text, order_by=list(order), output_format="list"
        )
        return [run.info.run_name for run in runs]

    assert found("metrics.loss < 0.6", "metrics.loss ASC") == ["r1", "r0"]
    assert found("params.kind = 'even' and metrics.loss >= 0.6") == ["r2"]
    assert found("attributes.run_name LIKE 'r%'", "attributes.start_time ASC") == ["r0", "r1", "r2"]
    assert found("", "start_time DESC") == ["r2", "r1", "r0"]
    assert found("tags.none != 'x'", "metrics.loss DESC") == ["r2", "r0", "r1"]
    with pytest.raises(mlflow.MlflowException, match="does not begin with AND"):
        found("metrics.loss < 1 or metrics.loss > 2")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("tags.`a b` = 'it and that'", True),
        ("metric.loss = 0.50", True),
        ("metrics.loss != 0.5", False),
        ("metrics.gone > 0", False),
        ('params."p" ILIKE "%UE"', True),
        ("params.p LIKE '%UE'", False),
        ("attributes.status = 'FINISHED' AND run.run_name = 'n'", True),
        ("status = 'FINISHED'", True),
        ("run_name = 'other'", False),
    ],
)
def test_conditions_hold_or_not(text: str, holds: bool) -> None:  # noqa: FBT001 - what is expected
    data = {
        "metrics": [{"key": "loss", "value": 0.5}],
        "params": [{"key": "p", "value": "value"}],
        "tags": [{"key": "a b", "value": "it and that"}],
    }
    run = {"info": {"status": "FINISHED", "run_name": "n"}, "data": data}
    assert all(condition.holds(run) for condition in run_filters.conditions(text)) == holds


@pytest.mark.parametrize("text", ["loss < 1", "metrics.a < 1 metrics.b < 2", "things.a = 'b'", "tags.a = b"])
def test_a_filter_that_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(AzureError):
        run_filters.conditions(text)


def test_a_logged_model_is_registered_and_loaded(mlflow: Any, experiment: str, emulator: Emulator) -> None:
    from sklearn.linear_model import LinearRegression

    mlflow.set_experiment(experiment)
    name = f"lr-{uuid.uuid4().hex[:8]}"
    fitted = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(
            fitted, artifact_path="model", registered_model_name=name, pip_requirements=[]
        )
    for uri in (f"models:/{name}/1", f"runs:/{run.info.run_id}/model"):
        assert mlflow.pyfunc.load_model(uri).predict([[3.0]]) == pytest.approx([6.0])
    shown = emulator.arm("GET", f"/models/{name}/versions/1").json()["properties"]
    assert shown["modelUri"].endswith(f"/ExperimentRun/dcid.{run.info.run_id}/model/")
    client = mlflow.MlflowClient()
    assert [version.version for version in client.search_model_versions(f"name='{name}'")] == ["1"]
    with pytest.raises(mlflow.MlflowException, match="alone"):
        client.search_model_versions("run_id='x'")
    client.update_model_version(name, "1", description="a line")
    client.set_model_version_tag(name, "1", "kind", "linear")
    client.set_registered_model_tag(name, "team", "a")
    version = client.get_model_version(name, "1")
    assert (version.description, version.tags) == ("a line", {"kind": "linear"})
    assert client.get_registered_model(name).tags == {"team": "a"}
    client.delete_model_version_tag(name, "1", "kind")
    assert emulator.arm("GET", f"/models/{name}/versions/1").json()["properties"]["tags"] == {}
    client.delete_model_version(name, "1")
    assert client.search_model_versions(f"name='{name}'") == []
    client.delete_registered_model(name)
    with pytest.raises(mlflow.MlflowException, match="does not exist"):
        client.get_registered_model(name)


SCRIPT = """
import mlflow
with mlflow.start_run():
    mlflow.log_param("epochs", 3)
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.set_tag("from", "inside")
print("logged as", mlflow.last_active_run().info.run_id)
"""


def test_a_command_logs_to_its_own_run(
    mlflow: Any, emulator: Emulator, storage: Storage, experiment: str
) -> None:
    storage.put(f"code-{experiment}", "train.py", SCRIPT.encode())
    uri = f"{storage.service.url.rstrip('/')}/code-{experiment}"
    body = {"properties": {"codeUri": uri}}
    assert emulator.arm("PUT", f"/codes/{experiment}/versions/1", json=body).status_code == 201
    code = f"{WS}/codes/{experiment}/versions/1"
    submit(emulator, experiment, command("python train.py", codeId=code, experimentName=experiment))
    wait_for(emulator, experiment, "Completed", seconds=120)
    assert f"logged as {experiment}" in log_of(emulator, experiment)
    run = mlflow.MlflowClient().get_run(experiment)
    assert (run.data.metrics["loss"], run.data.params["epochs"]) == (pytest.approx(1 / 3), "3")
    assert emulator.arm("GET", f"/jobs/{experiment}").json()["properties"]["tags"] == {"from": "inside"}


def test_what_is_not_there_is_said_in_mlflows_words(mlflow: Any, emulator: Emulator) -> None:
    client = mlflow.MlflowClient()
    with pytest.raises(mlflow.MlflowException, match="Run 'none' does not exist") as error:
        client.get_run("none")
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(mlflow.MlflowException, match="Registered model 'a' does not exist"):
        client.get_registered_model("a")
    answer = emulator.http("DELETE", f"/mlflow/v2.0{WS}/api/2.0/mlflow/registered-models/alias")
    assert answer.status_code == 501
    assert "no MLflow call DELETE registered-models/alias" in answer.json()["message"]
