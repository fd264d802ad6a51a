"""The load tests' component: a whole life of job, model and deployment, and no process of any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local.azureml.flow import (
    deployment_body,
    details,
    endpoint_body,
    job_body,
    path,
    provisioned,
    register,
    wait_for,
)
from tests.local.azureml.rig import WS, until
from tests.local.azureml.test_http_serving import QUESTION, score

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

NOOP = "azureml://registries/azureml/components/noop/versions/0.0.1"
NO_TRAINER = "/bin/false"  # whoever starts it sees it fail
ENDPOINT = "/onlineEndpoints/loaded"
VERSIONS = (
    "/mferp/managementfrontend/subscriptions/s/resourceGroups/g/providers/"
    "Microsoft.MachineLearningServices/registries/azureml/components/{}/versions?api-version=2023-04-01-preview"
)


def noop_job(*, files: dict[str, str] | None = None) -> dict[str, Any]:
    body = job_body(files=files)
    body["properties"]["jobs"]["ft"]["componentId"] = NOOP
    return body


@pytest.fixture
def loaded(make_emulator: Callable[..., Emulator], storage: Storage) -> Emulator:
    assert storage
    return make_emulator("--noop", trainer=NO_TRAINER)


def test_a_model_is_made_and_served_without_a_process(loaded: Emulator) -> None:
    assert loaded.arm("PUT", "/jobs/nothing", json=noop_job()).status_code == 201
    wait_for(loaded, "nothing", "Completed")
    children = loaded.http("GET", f"/history/v1.0{WS}/runs/nothing/children").json()["value"]
    assert [(one["displayName"], one["status"]) for one in children] == [("noop", "Completed")]
    metrics = loaded.http("GET", f"/mlflow/v2.0{WS}/api/2.0/mlflow/runs/get?run_id=nothing").json()
    assert {one["key"]: one["value"] for one in metrics["run"]["data"]["metrics"]} == {"eval_loss": 1.0}
    register(loaded, "nothing", "nothings")
    assert loaded.arm("PUT", ENDPOINT, json=endpoint_body()).status_code == 201
    blue = f"{ENDPOINT}/deployments/blue"
    assert loaded.arm("PUT", blue, json=deployment_body("nothings")).status_code == 201
    provisioned(loaded, blue)
    answer = score(loaded, ENDPOINT, "blue")
    assert (answer.status_code, answer.json()) == (200, {"output": "noop: hi"})
    assert score(loaded, ENDPOINT, "blue", json={}).status_code == 424
    assert loaded.admin("GET", "state")["servers"] == {}
    assert loaded.arm("DELETE", blue).status_code == 202
    until(lambda: loaded.arm("GET", blue).status_code == 404, 60, "the deployment is gone")


def test_it_takes_what_the_fine_tune_takes_and_sees_what_is_missing(loaded: Emulator) -> None:
    body = noop_job()
    body["properties"]["jobs"]["ft"]["inputs"]["learning"] = {"value": "1", "job_input_type": "literal"}
    refused = loaded.arm("PUT", "/jobs/wrong", json=body)
    assert (refused.status_code, "Unknown input 'learning'" in refused.text) == (400, True)
    nowhere = noop_job(files={"train": path("chats/nowhere.jsonl")})
    assert loaded.arm("PUT", "/jobs/nowhere", json=nowhere).status_code == 201
    wait_for(loaded, "nowhere", "Failed")
    assert "/ft/noop" in loaded.http("GET", details("nowhere")).text


def test_its_jobs_and_deployments_survive_a_restart(loaded: Emulator) -> None:
    loaded.arm("PUT", "/jobs/again", json=noop_job())
    wait_for(loaded, "again", "Completed")
    register(loaded, "again", "agains")
    loaded.arm("PUT", ENDPOINT, json=endpoint_body())
    loaded.arm("PUT", f"{ENDPOINT}/deployments/blue", json=deployment_body("agains"))
    provisioned(loaded, f"{ENDPOINT}/deployments/blue")
    loaded.stop()
    loaded.start()
    until(lambda: score(loaded, ENDPOINT, "blue").status_code == 200, 60, "it answers again")


def test_neither_component_nor_model_is_there_by_default(
    emulator: Emulator, loaded: Emulator, storage: Storage
) -> None:
    assert emulator.http("GET", VERSIONS.format("chat_completion_pipeline")).status_code == 200
    assert emulator.http("GET", VERSIONS.format("noop")).status_code == 404
    assert loaded.http("GET", VERSIONS.format("noop")).json()["value"][0]["name"] == "0.0.1"
    assert emulator.arm("PUT", "/jobs/not-here", json=noop_job()).status_code == 404
    where = emulator.msi_url.replace("/msi/token", "/noop/score")
    assert emulator.client().post(where, json=QUESTION).status_code == 501
    model = b"flavors:\n  python_function:\n    loader_module: noop\n"
    storage.put("azureml-blobstore", "a-noop/MLmodel", model)
    place = "azureml://datastores/workspaceblobstore/paths/a-noop/"
    sent = {"properties": {"modelType": "mlflow_model", "modelUri": place}}
    assert emulator.arm("PUT", "/models/a-noop/versions/1", json=sent).status_code == 201
    emulator.arm("PUT", "/onlineEndpoints/a-noop", json=endpoint_body())
    blue = "/onlineEndpoints/a-noop/deployments/blue"
    emulator.arm("PUT", blue, json=deployment_body("a-noop"))
    provisioned(emulator, blue, "Failed")  # a process was started for it, and could not load it
    emulator.arm("DELETE", "/onlineEndpoints/a-noop")  # a failed deployment holds quota too
    until(lambda: emulator.arm("GET", "/onlineEndpoints/a-noop").status_code == 404, 60, "it is gone")
