"""What holds for the whole service: tokens, unknown routes, faults, MLflow, start and stop."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import jwt
import psutil
import pytest

from tests.local.azureml.flow import (
    deployment_body,
    endpoint_body,
    job_body,
    provisioned,
    register,
    status,
    submit,
    wait_for,
)
from tests.local.azureml.rig import WS, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator


def test_tokens_say_whom_they_are_for(emulator: Emulator) -> None:
    claims = jwt.decode(emulator.token("https://ml.azure.com/"), options={"verify_signature": False})
    assert claims["aud"] == "https://ml.azure.com"
    assert claims["iss"].startswith("https://sts.windows.net/")


@pytest.mark.parametrize("header", ["", "Bearer nonsense", "Basic x"])
def test_without_a_valid_token_nothing_is_told(emulator: Emulator, header: str) -> None:
    answer = emulator.arm("GET", "/jobs", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_a_token_for_storage_is_none_for_the_workspace(emulator: Emulator) -> None:
    header = {"Authorization": f"Bearer {emulator.token('https://storage.azure.com')}"}
    assert emulator.arm("GET", "/jobs", headers=header).status_code == 401


def test_an_unknown_route_is_named(emulator: Emulator) -> None:
    answer = emulator.arm("PUT", "/nothings/nightly", json={})
    assert answer.status_code == 501
    error = answer.json()["error"]
    assert error["code"] == "NotImplemented"
    assert f"PUT {WS}/nothings/nightly (api-version 2024-01-01-preview)" in error["message"]


def test_another_workspace_is_not_found(emulator: Emulator) -> None:
    answer = emulator.http("GET", f"{WS}x/jobs?api-version=1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
    assert emulator.http("GET", f"{WS}/jobs").status_code == 400  # no api-version
    assert emulator.arm("GET", "/jobs/a/b").status_code == 404


def test_faults_hit_as_often_as_they_are_told(emulator: Emulator) -> None:
    fault = {"route": "GET {ws}/computes", "status": 429, "times": 2, "retry_after": 1}
    emulator.admin("POST", "faults", json=fault)
    first = emulator.arm("GET", "/computes")
    assert (first.status_code, first.headers["Retry-After"]) == (429, "1")
    assert [emulator.arm("GET", "/computes").status_code for _ in range(2)] == [429, 200]


def test_a_fault_may_only_delay(emulator: Emulator) -> None:
    fault = {"route": "GET {ws}/computes", "status": 0, "delay": 0.5, "times": 1}
    emulator.admin("POST", "faults", json=fault)
    started = time.monotonic()
    assert emulator.arm("GET", "/computes").status_code == 200
    assert time.monotonic() - started >= 0.5
    assert emulator.admin("GET", "faults") == []


def test_errors_carry_the_ids_that_support_asks_for(emulator: Emulator) -> None:
    answer = emulator.arm("GET", "/jobs/nothing")
    told = {item["type"]: item["info"]["value"] for item in answer.json()["error"]["additionalInfo"]}
    assert told["ComponentName"] == "managementfrontend"
    assert told["Correlation"]["request"] == answer.headers["x-ms-request-id"]
    assert told["Correlation"]["operation"] == answer.headers["x-ms-correlation-request-id"]


@pytest.mark.parametrize("name", ["ab", "1cluster", "gpu_cluster", "a" * 33])
def test_clusters_have_names_of_their_own_kind(emulator: Emulator, name: str) -> None:
    body = {"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_NC6"}}}
    answer = emulator.arm("PUT", f"/computes/{name}", json=body)
    assert (answer.status_code, "is no name for a compute" in answer.text) == (400, True)


def test_a_put_whose_answer_is_lost_was_carried_out(emulator: Emulator, storage: Storage) -> None:
    assert storage
    fault = {"route": "PUT {ws}/jobs/*", "status": 503, "after": True}
    emulator.admin("POST", "faults", json=fault)
    assert emulator.arm("PUT", "/jobs/lost-answer", json=job_body()).status_code == 503
    assert emulator.arm("PUT", "/jobs/lost-answer", json=job_body()).status_code == 200
    wait_for(emulator, "lost-answer", "Completed")


def test_calls_are_counted_by_route(emulator: Emulator) -> None:
    before = emulator.admin("GET", "requests")["calls"].get("GET {ws}/computes/{name}", 0)
    emulator.arm("GET", "/computes/one")
    emulator.arm("GET", "/computes/two")
    counted = emulator.admin("GET", "requests")
    assert counted["calls"]["GET {ws}/computes/{name}"] == before + 2
    assert counted["refused"]["GET {ws}/computes/{name}"] >= 2  # there is neither


def test_a_wrong_fault_is_refused(emulator: Emulator) -> None:
    answer = emulator.client().post(f"{emulator.url}/admin/faults", json={"status": 500})
    assert (answer.status_code, "route" in answer.text) == (400, True)


def test_mlflow_reads_metrics_of_root_and_step(emulator: Emulator, storage: Storage) -> None:
    assert storage
    submit(emulator, "measured", {"learning_rate": "5e-06"})
    wait_for(emulator, "measured", "Completed")
    for version in ("v1.0", "v2.0"):
        base = f"/mlflow/{version}{WS}/api/2.0/mlflow"
        run = emulator.http("GET", f"{base}/runs/get?run_id=measured").json()["run"]
        assert run["info"]["status"] == "FINISHED"
        assert {"key": "learning_rate", "value": "5e-06"} in run["data"]["params"]
        assert {"key": "mlflow.rootRunId", "value": "measured"} in run["data"]["tags"]
        latest = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
        assert latest == {"loss": 1 / 3, "eval_loss": 3.0}
    history = f"{base}/metrics/get-history?run_id=measured&metric_key=loss&max_results=2"
    first = emulator.http("GET", history).json()
    rest = emulator.http("GET", f"{history}&page_token={first['next_page_token']}").json()
    assert [point["step"] for point in first["metrics"] + rest["metrics"]] == [1, 2, 3]
    assert "next_page_token" not in rest
    found = emulator.http("GET", f"{base}/experiments/get-by-name?experiment_name=exp").json()["experiment"]
    asked = {"experiment_ids": [found["experiment_id"]], "filter": "tags.mlflow.rootRunId = 'measured'"}
    runs = emulator.http("POST", f"{base}/runs/search", json=asked).json()["runs"]
    assert len(runs) == 6
    step = next(run for run in runs if run["info"]["run_name"] == "chat_completion_finetune")
    assert {"key": "mlflow.parentRunId", "value": "measured"} in step["data"]["tags"]
    assert len(step["data"]["metrics"]) == 2
    missing = emulator.http("GET", f"{base}/runs/get?run_id=nothing")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert emulator.http("POST", f"{base}/runs/link", json={}).status_code == 501


def test_ready_within_a_second_and_no_child_left(
    make_emulator: Callable[..., Emulator], storage: Storage
) -> None:
    assert storage
    emulator = make_emulator()
    submit(emulator, "running", {"seed": "3"})
    wait_for(emulator, "running", "Running")
    assert emulator.process
    parent = psutil.Process(emulator.process.pid)
    until(lambda: len(parent.children(recursive=True)) == 2, 20, "nursery and trainer run")
    children = parent.children(recursive=True)
    assert emulator.stop(signal.SIGTERM) == 0
    assert not [child for child in children if child.is_running()]
    assert "Traceback" not in emulator.log()
    assert emulator.ready_seconds < 1  # before any model is loaded: the nursery does that meanwhile


def test_sigkill_loses_nothing(make_emulator: Callable[..., Emulator], storage: Storage) -> None:
    """Jobs run again as the same job, deployments get their server back, keys stay valid."""
    assert storage
    emulator = make_emulator()
    serve(emulator, "done", "/onlineEndpoints/durable")
    keys = emulator.arm("POST", "/onlineEndpoints/durable/listKeys").json()
    submit(emulator, "interrupted", {"seed": "3"})
    wait_for(emulator, "interrupted", "Running")
    submit(emulator, "waiting", {"seed": "3"})
    assert emulator.arm("POST", "/jobs/waiting/cancel").status_code == 202
    assert emulator.process
    children = psutil.Process(emulator.process.pid).children(recursive=True)
    emulator.stop(signal.SIGKILL)
    until(lambda: not any(alive(child) for child in children), 20, "children end with the emulator")
    emulator.start()
    wait_for(emulator, "interrupted", "Running")
    wait_for(emulator, "waiting", "Canceled")
    assert status(emulator, "done") == "Completed"
    assert emulator.arm("POST", "/onlineEndpoints/durable/listKeys").json() == keys
    until(lambda: answers(emulator, keys["primaryKey"]), 30, "the deployment has its server back")
    emulator.arm("POST", "/jobs/interrupted/cancel")
    wait_for(emulator, "interrupted", "Canceled")


def serve(emulator: Emulator, job: str, place: str) -> None:
    submit(emulator, job)
    wait_for(emulator, job, "Completed")
    register(emulator, job, "served")
    emulator.arm("PUT", place, json=endpoint_body())
    emulator.arm("PUT", f"{place}/deployments/blue", json=deployment_body("served"))
    provisioned(emulator, f"{place}/deployments/blue")


def answers(emulator: Emulator, key: str) -> bool:
    headers = {"Authorization": f"Bearer {key}", "azureml-model-deployment": "blue"}
    question: dict[str, Any] = {"input_data": {"input_string": []}}
    score = emulator.client().post(f"{emulator.url}/score/durable", headers=headers, json=question)
    return score.status_code == 200


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
