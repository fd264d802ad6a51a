"""Jobs over plain HTTP: what the service checks, runs, refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local.azureml.flow import details, job_body, path, register, status, submit, wait_for
from tests.local.azureml.rig import WS, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator


def error_of(emulator: Emulator, run: str) -> dict[str, Any]:
    found: dict[str, Any] = emulator.http("GET", details(run)).json()["error"]["error"]
    return found


def steps(emulator: Emulator, job: str) -> dict[str, Any]:
    children = emulator.http("GET", f"/history/v1.0{WS}/runs/{job}/children").json()["value"]
    return {child["displayName"]: child for child in children}


def test_a_job_trains_and_leaves_its_model_in_the_bound_output(emulator: Emulator, storage: Storage) -> None:
    submit(emulator, "trains", {"learning_rate": "5e-06"})
    wait_for(emulator, "trains", "Completed")
    job = emulator.arm("GET", "/jobs/trains").json()["properties"]
    assert job["outputs"]["trained_model"]["uri"].endswith("/paths/azureml/trains/trained_model/")
    assert "azureml/trains/trained_model/MLmodel" in storage.names("azureml-blobstore", "azureml/trains/")
    assert job["properties"]["__azureml_ft_training_tokens"] == "10"
    found = steps(emulator, "trains")
    assert [(name, step["status"]) for name, step in found.items()] == [
        ("ft_nlp_common_validation", "Completed"),
        ("chat_completion_model_import", "Completed"),
        ("chat_completion_datapreprocess", "Completed"),
        ("chat_completion_finetune", "Completed"),
        ("ft_nlp_model_converter", "Completed"),
    ]
    run = found["chat_completion_finetune"]["runId"]
    log = emulator.http("GET", details(run)).json()["logFiles"]["user_logs/std_log.txt"]
    assert "training on 12 rows" in emulator.client().get(log).text
    assert emulator.client().get(log.partition("?")[0]).status_code == 403


@pytest.mark.usefixtures("storage")
def test_an_unbound_output_holds_nothing_and_can_not_be_registered(emulator: Emulator) -> None:
    body = job_body()
    del body["properties"]["jobs"]["ft"]["outputs"]
    assert emulator.arm("PUT", "/jobs/unbound", json=body).status_code == 201
    wait_for(emulator, "unbound", "Completed")
    assert "uri" not in emulator.arm("GET", "/jobs/unbound").json()["properties"]["outputs"]["trained_model"]
    uri = "azureml://jobs/unbound/outputs/trained_model"
    model = {"properties": {"modelType": "mlflow_model", "modelUri": uri}}
    answer = emulator.arm("PUT", "/models/empty/versions/1", json=model)
    assert answer.status_code == 400
    assert "has no output 'trained_model' that holds anything (it has none)" in answer.text


@pytest.mark.usefixtures("storage")
def test_the_same_body_again_is_the_same_job_and_another_is_refused(emulator: Emulator) -> None:
    body = job_body()
    assert emulator.arm("PUT", "/jobs/again", json=body).status_code == 201
    submitted = emulator.admin("GET", "requests")["jobs"]
    assert emulator.arm("PUT", "/jobs/again", json=body).status_code == 200
    assert emulator.admin("GET", "requests")["jobs"] == submitted
    renamed = job_body()
    renamed["properties"]["displayName"] = "another"
    assert emulator.arm("PUT", "/jobs/again", json=renamed).json()["properties"]["displayName"] == "another"
    answer = emulator.arm("PUT", "/jobs/again", json=job_body({"num_train_epochs": "2"}))
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["message"].startswith("A job with this name already exists.")
    assert error["details"][0]["code"] == "JobPropertyImmutable"
    assert error["innererror"]["code"] == "Immutable"


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"epochs": "1"}, "Unknown input 'epochs'."),
        ({"apply_lora": "True"}, "'apply_lora' must be one of true, false; found 'True'."),
        ({"num_train_epochs": "0"}, "'num_train_epochs' must be at least 1; found 0."),
        ({"num_train_epochs": "1.5"}, "'num_train_epochs' must be of type integer; found '1.5'."),
        ({"learning_rate": "fast"}, "'learning_rate' must be of type number; found 'fast'."),
        ({"learning_rate": "nan"}, "'learning_rate' must be a finite number; found 'nan'."),
        ({"train_file_path": "x.jsonl"}, "'train_file_path' must be of type uri_file; found literal."),
        ({"compute_finetune": "nowhere"}, "Compute 'nowhere' was not found"),
    ],
)
def test_inputs_are_checked_when_a_job_is_submitted(
    emulator: Emulator, inputs: dict[str, str], says: str
) -> None:
    before = emulator.admin("GET", "requests")["jobs"]
    answer = emulator.arm("PUT", "/jobs/refused", json=job_body(inputs))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "UserError"
    assert says in answer.json()["error"]["message"]
    assert emulator.admin("GET", "requests")["jobs"] == before


def test_all_faults_are_told_at_once(emulator: Emulator) -> None:
    answer = emulator.arm("PUT", "/jobs/refused", json=job_body({"a": "1", "precision": "8"}))
    assert "Unknown input 'a'." in answer.text
    assert "'precision' must be one of 32, 16" in answer.text


def test_a_binding_to_nothing_is_refused(emulator: Emulator) -> None:
    body = job_body()
    body["properties"]["outputs"] = {}
    answer = emulator.arm("PUT", "/jobs/refused", json=body)
    assert answer.status_code == 400
    assert "is bound to no output of the job" in answer.text


def test_what_the_emulator_can_not_run_is_a_named_501(emulator: Emulator) -> None:
    sweep = {"properties": {"jobType": "Sweep"}}
    answer = emulator.arm("PUT", "/jobs/sweep", json=sweep)
    assert answer.status_code == 501
    assert "no job of type Sweep; only Command and Pipeline" in answer.json()["error"]["message"]
    answer = emulator.arm("PUT", "/jobs/hub", json=job_body({"huggingface_id": "a/b"}))
    assert answer.status_code == 501


def test_a_missing_model_is_not_found(emulator: Emulator) -> None:
    body = job_body()
    wrong = "azureml://registries/azureml/models/Phi-4/versions/1"
    body["properties"]["jobs"]["ft"]["inputs"]["mlflow_model_path"]["uri"] = wrong
    assert emulator.arm("PUT", "/jobs/refused", json=body).status_code == 404


@pytest.mark.usefixtures("storage")
def test_a_missing_blob_fails_the_job_at_its_step(emulator: Emulator) -> None:
    submit(emulator, "no-blob", files={"train": path("nothing/here.jsonl")})
    wait_for(emulator, "no-blob", "Failed")
    root = error_of(emulator, "no-blob")
    assert (root["code"], root["referenceCode"]) == ("UserError", "PipelineHasStepJobFailed")
    assert "Failed nodes: /ft/chat_completion_datapreprocess." in root["message"]
    found = steps(emulator, "no-blob")
    error = error_of(emulator, found["chat_completion_datapreprocess"]["runId"])
    assert "nothing/here.jsonl' is not there" in error["message"]
    assert found["chat_completion_datapreprocess"]["status"] == "Failed"
    assert found["chat_completion_finetune"]["status"] == "Canceled"


@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize(
    ("seed", "code", "says"),
    [
        ("1", "UserError", "seed 1 makes this job fail"),
        ("2", "SystemError", "The trainer ended with exit code -9 and left no result. Its log ends: "),
    ],
)
def test_a_trainer_that_fails_fails_its_job(emulator: Emulator, seed: str, code: str, says: str) -> None:
    name = f"fails-{seed}"
    submit(emulator, name, {"seed": seed})
    wait_for(emulator, name, "Failed")
    assert error_of(emulator, name)["code"] == code
    error = error_of(emulator, steps(emulator, name)["chat_completion_finetune"]["runId"])
    assert (error["code"], says in error["message"]) == (code, True)
    assert "uri" not in emulator.arm("GET", f"/jobs/{name}").json()["properties"]["outputs"]["trained_model"]


@pytest.mark.usefixtures("storage")
def test_the_admin_api_fails_a_running_job(emulator: Emulator) -> None:
    submit(emulator, "doomed", {"seed": "3"})
    until(lambda: "chat_completion_finetune" in steps(emulator, "doomed"), 20, "the job runs")
    emulator.admin("POST", "jobs/doomed/fail", json={"code": "UserError", "message": "out of memory"})
    wait_for(emulator, "doomed", "Failed")
    assert error_of(emulator, "doomed")["message"] == "out of memory"


def test_only_two_jobs_run_at_once(make_emulator: Callable[..., Emulator], storage: Storage) -> None:
    assert storage
    emulator = make_emulator()
    for name in ("one", "two", "three"):
        submit(emulator, name, {"seed": "3"})
    wait_for(emulator, "one", "Running")
    wait_for(emulator, "two", "Running")
    assert status(emulator, "three") == "Queued"
    emulator.arm("POST", "/jobs/three/cancel")
    assert status(emulator, "three") == "Canceled"
    submit(emulator, "four", {"seed": "3"})
    assert status(emulator, "four") == "Queued"
    emulator.arm("POST", "/jobs/one/cancel")
    wait_for(emulator, "four", "Running")
    wait_for(emulator, "one", "Canceled")


@pytest.mark.usefixtures("storage")
def test_models_keep_what_they_point_at(emulator: Emulator) -> None:
    submit(emulator, "for-model")
    wait_for(emulator, "for-model", "Completed")
    register(emulator, "for-model", "kept")
    again = emulator.arm("GET", "/models/kept/versions/1").json()
    assert emulator.arm("PUT", "/models/kept/versions/1", json=again).status_code == 200
    submit(emulator, "for-model-2")
    wait_for(emulator, "for-model-2", "Completed")
    again["properties"]["modelUri"] = "azureml://jobs/for-model-2/outputs/trained_model"
    answer = emulator.arm("PUT", "/models/kept/versions/1", json=again)
    assert answer.status_code == 400
    assert "already exists" in answer.text
    uri = "azureml://datastores/workspaceblobstore/paths/nothing/"
    body = {"properties": {"modelType": "mlflow_model", "modelUri": uri}}
    answer = emulator.arm("PUT", "/models/untrained/versions/1", json=body)
    assert answer.status_code == 400
    assert "There is no MLflow model at" in answer.text
