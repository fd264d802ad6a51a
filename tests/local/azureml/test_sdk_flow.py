"""The whole flow through the unmodified SDK: submit, register, deploy, score, delete."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.local.azureml.flow import COMPONENT, MODEL, PARTS, SIZE, path, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.local.azureml.rig import Emulator

# The SDK itself and what it imports warn in many places: that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="session")
def client(ml: Callable[..., Any]) -> Any:
    return ml()


def entity_job(name: str, **inputs: Any) -> Any:
    """Return a job in the entity form, its output bound on the node."""
    from azure.ai.ml import Input, Output  # noqa: TID251 - the SDK under test
    from azure.ai.ml.entities import PipelineJob, PipelineJobSettings  # noqa: TID251
    from azure.ai.ml.entities._builders.pipeline import Pipeline  # noqa: TID251

    files = {f"{part}_file_path": Input(type="uri_file", path=path(f"chats/{part}.jsonl")) for part in PARTS}
    node = Pipeline(
        component=COMPONENT,
        inputs={"mlflow_model_path": Input(type="mlflow_model", path=MODEL), **files, **inputs},
        outputs={"mlflow_model_folder": "${{parent.outputs.trained_model}}"},
    )
    return PipelineJob(
        name=name,
        experiment_name="chat_completion_Phi-4",
        display_name="shown",
        tags={"droptune-run": "r1"},
        properties={"mlflow.source.git.commit": "none"},
        jobs={"ft": node},
        outputs={"trained_model": Output(type="mlflow_model")},
        settings=PipelineJobSettings(force_rerun=True, continue_on_step_failure=False),
    )


def test_the_registry_gives_model_and_component(ml: Callable[..., Any]) -> None:
    registry = ml(registry_name="azureml")
    latest = registry.models.get("Phi-3-mini-4k-instruct", label="latest")
    assert latest.version == "14"
    assert "'deepspeed_stage': 2" in latest.tags["model_specific_defaults"]
    assert registry.models.get("Phi-4", version="8").properties["localFoundation"].startswith("tiny")
    archived = registry.models.get("Phi-3-mini-4k-instruct", version="15")
    assert "learning_rate_min" in archived.tags["model_specific_defaults"]
    component = registry.components.get("chat_completion_pipeline", label="latest")
    assert component.version == "0.0.82"
    assert component.inputs["num_train_epochs"].type == "integer"
    with pytest.raises(HttpResponseError) as nothing:
        registry.models.get("Nothing", label="latest")
    assert nothing.value.status_code == 404
    with pytest.raises(ResourceNotFoundError):
        registry.models.get("Phi-4", version="999")


def test_compute_is_looked_up_and_made(client: Any) -> None:
    from azure.ai.ml.entities import AmlCompute  # noqa: TID251 - the SDK under test

    with pytest.raises(ResourceNotFoundError):
        client.compute.get("not-there")
    made = client.compute.begin_create_or_update(AmlCompute(name="gpu", size=SIZE, max_instances=2)).result()
    assert (made.name, made.size, made.provisioning_state) == ("gpu", SIZE, "Succeeded")
    gpus = {size.name: size.gpus for size in client.compute.list_sizes()}
    assert (gpus[SIZE], gpus["Standard_D12_v2"]) == (1, 0)
    assert "gpu" in [compute.name for compute in client.compute.list()]
    with pytest.raises(HttpResponseError, match="is not a supported VM size"):
        client.compute.begin_create_or_update(AmlCompute(name="odd", size="Standard_X")).result()


def test_the_whole_flow(client: Any, emulator: Emulator, tmp_path: Path) -> None:
    """From submit to deletion, by the SDK alone."""
    job = client.jobs.create_or_update(entity_job("whole-flow", learning_rate=5e-6), skip_validation=True)
    assert job.status in ("NotStarted", "Queued", "Preparing", "Running")
    client.jobs.stream("whole-flow")
    job = client.jobs.get("whole-flow")
    assert (job.status, job.experiment_name) == ("Completed", "chat_completion_Phi-4")
    children = list(client.jobs.list(parent_job_name="whole-flow"))
    assert [child.display_name for child in children][3] == "chat_completion_finetune"
    assert client.jobs.get(children[3].name).name == children[3].name
    registered = register(client)
    assert registered.job_name == "whole-flow"
    endpoint, deployment = f"flow-{uuid.uuid4().hex[:8]}", "r0123456789"
    deploy(client, endpoint, deployment, registered)
    request = tmp_path / "request.json"
    request.write_text('{"input_data": {"input_string": [{"role": "user", "content": "hi"}]}}')
    # Named, because the SDK's invoke keeps the deployment of whatever call in this process named one before.
    answer = client.online_endpoints.invoke(endpoint, request_file=str(request), deployment_name=deployment)
    assert answer == f'{{"output": "{endpoint}/{deployment} knows 12 rows"}}'
    assert "serving" in client.online_deployments.get_logs(deployment, endpoint, lines=50)
    assert emulator.admin("GET", "state")["servers"].keys() >= {f"{endpoint}/{deployment}"}
    client.online_endpoints.begin_delete(endpoint).result()
    assert endpoint not in [found.name for found in client.online_endpoints.list()]
    assert f"{endpoint}/{deployment}" not in emulator.admin("GET", "state")["servers"]
    assert client.models.get("tuned", version="1").name == "tuned"


def register(client: Any) -> Any:
    from azure.ai.ml.entities import Model  # noqa: TID251 - the SDK under test

    uri = "azureml://jobs/whole-flow/outputs/trained_model"
    return client.models.create_or_update(
        Model(name="tuned", version="1", path=uri, type="mlflow_model", tags={"droptune-run": "r1"})
    )


def deploy(client: Any, name: str, deployment: str, model: Any) -> None:
    from azure.ai.ml.entities import (  # noqa: TID251 - the SDK under test
        ManagedOnlineDeployment,
        ManagedOnlineEndpoint,
        OnlineRequestSettings,
        ProbeSettings,
    )

    made = client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name)).result()
    assert made.provisioning_state == "Succeeded"
    client.online_deployments.begin_create_or_update(
        ManagedOnlineDeployment(
            name=deployment,
            endpoint_name=name,
            model=model.id,
            instance_type=SIZE,
            instance_count=1,
            liveness_probe=ProbeSettings(initial_delay=600),
            request_settings=OnlineRequestSettings(request_timeout_ms=90000),
        )
    ).result()
    assert client.online_deployments.get(deployment, name).provisioning_state == "Succeeded"
    endpoint = client.online_endpoints.get(name)
    endpoint.traffic = {deployment: 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    assert client.online_endpoints.get(name).traffic == {deployment: 100}
    assert len(client.online_endpoints.get_keys(name).primary_key) > 20


def test_tags_are_merged_and_archived_jobs_hide(client: Any) -> None:
    client.jobs.create_or_update(entity_job("tagged"), skip_validation=True)
    client.jobs.update("tagged", tags={"z": "1"})
    assert client.jobs.get("tagged").tags == {"droptune-run": "r1", "z": "1"}
    client.jobs.archive("tagged")
    assert "tagged" not in [job.name for job in client.jobs.list() if job]
    client.jobs.restore("tagged")
    assert "tagged" in [job.name for job in client.jobs.list() if job]


def test_a_running_job_is_canceled(client: Any, emulator: Emulator) -> None:
    client.jobs.create_or_update(entity_job("canceled", seed=3), skip_validation=True)
    wait_for(emulator, "canceled", "Running")
    client.jobs.begin_cancel("canceled").result()
    assert client.jobs.get("canceled").status == "Canceled"
    with pytest.raises(HttpResponseError, match="can't be canceled"):
        client.jobs.begin_cancel("canceled")


def test_the_dsl_form_with_local_files_trains(
    client: Any, ml: Callable[..., Any], tmp_path: Path, emulator: Emulator
) -> None:
    """Local files are uploaded by the SDK itself; train and test alone mean 80 % of the rows train."""
    from azure.ai.ml import Input, dsl  # noqa: TID251 - the SDK under test

    from tests.local.azureml.flow import rows

    component = ml(registry_name="azureml").components.get("chat_completion_pipeline", label="latest")
    files = {part: tmp_path / f"{part}.jsonl" for part in ("train", "test")}
    for file in files.values():
        file.write_bytes(rows(15))

    def pipeline() -> Any:
        node = component(
            mlflow_model_path=Input(type="mlflow_model", path=MODEL),
            train_file_path=Input(type="uri_file", path=str(files["train"])),
            test_file_path=Input(type="uri_file", path=str(files["test"])),
            learning_rate=5e-6,
        )
        return {"trained_model": node.outputs.mlflow_model_folder}

    job = dsl.pipeline(pipeline, name="dsl form")()
    job.settings.force_rerun = True
    job.display_name = "dsl"
    made = client.jobs.create_or_update(job, experiment_name="dsl", skip_validation=True)
    wait_for(emulator, made.name, "Completed")
    metrics = emulator.http("GET", mlflow(f"runs/get?run_id={made.name}")).json()["run"]["data"]["metrics"]
    assert {m["key"]: m["value"] for m in metrics}["eval_loss"] == 3.0


def mlflow(call: str, version: str = "v2.0") -> str:
    from tests.local.azureml.rig import WS

    return f"/mlflow/{version}{WS}/api/2.0/mlflow/{call}"


def test_models_are_archived_and_data_is_kept(client: Any, emulator: Emulator) -> None:
    from azure.ai.ml.entities import Data, Model  # noqa: TID251 - the SDK under test

    client.jobs.create_or_update(entity_job("for-archive"), skip_validation=True)
    wait_for(emulator, "for-archive", "Completed")
    uri = "azureml://jobs/for-archive/outputs/trained_model"
    client.models.create_or_update(Model(name="to-archive", path=uri, type="mlflow_model"))
    second = client.models.create_or_update(Model(name="to-archive", path=uri, type="mlflow_model"))
    assert second.version == "2"
    client.models.archive("to-archive", version="2")
    assert [model.version for model in client.models.list("to-archive")] == ["1"]
    assert client.models.get("to-archive", label="latest").version == "1"
    client.data.create_or_update(
        Data(name="chats", version="1", path=path("chats/train.jsonl"), type="uri_file")
    )
    assert client.data.get("chats", version="1").path.endswith("chats/train.jsonl")


def test_datastores_are_by_identity(client: Any) -> None:
    names = {store.name for store in client.datastores.list()}
    assert names == {"workspaceblobstore", "workspaceartifactstore", "droptune_prepared"}
    assert client.datastores.get_default().container_name == "azureml-blobstore"
    assert client.datastores.get("droptune_prepared").container_name == "prepared"


def test_an_mlflow_client_reads_the_losses(
    client: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's own client, with the workspace's tracking URI and a token, as a user would."""
    client.jobs.create_or_update(entity_job("read-by-mlflow"), skip_validation=True)
    wait_for(emulator, "read-by-mlflow", "Completed")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", emulator.token("https://management.azure.com"))
    from mlflow import MlflowClient

    tracking = client.workspaces.get().mlflow_tracking_uri.replace("azureml://", "https://")
    tracker = MlflowClient(tracking_uri=tracking)
    run = tracker.get_run("read-by-mlflow")
    assert (run.info.status, run.data.metrics["eval_loss"]) == ("FINISHED", 3.0)
    assert [point.step for point in tracker.get_metric_history(run.info.run_id, "loss")] == [1, 2, 3]
    query = "tags.mlflow.rootRunId = 'read-by-mlflow' and attributes.status = 'FINISHED'"
    assert len(tracker.search_runs([run.info.experiment_id], query)) == 6
