"""What holds for the whole service: tokens, unknown routes, faults, events, MLflow, start and stop."""

from __future__ import annotations

import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
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
    from collections.abc import Callable, Iterator

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
    answer = emulator.arm("PUT", "/schedules/nightly", json={})
    assert answer.status_code == 501
    error = answer.json()["error"]
    assert error["code"] == "NotImplemented"
    assert f"PUT {WS}/schedules/nightly (api-version 2024-01-01-preview)" in error["message"]


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
    assert emulator.admin("GET", "requests")["calls"]["GET {ws}/computes/{name}"] == before + 2


def test_a_wrong_fault_is_refused(emulator: Emulator) -> None:
    answer = emulator.client().post(f"{emulator.url}/admin/faults", json={"status": 500})
    assert (answer.status_code, "route" in answer.text) == (400, True)


class Webhook:
    """A subscriber that does the handshake and keeps what it is sent."""

    def __init__(self) -> None:
        events: list[dict[str, Any]] = []
        self.events = events

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                code = sent[0]["data"].get("validationCode")
                events.extend([] if code else sent)
                body = json.dumps({"validationResponse": code} if code else {}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?code=secret-key"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


def test_events_tell_of_jobs_and_steps(
    make_emulator: Callable[..., Emulator], webhook: Webhook, storage: Storage
) -> None:
    assert storage
    emulator = make_emulator("--subscribe", f"app={webhook.url}")
    until(lambda: "answered the handshake" in emulator.log(), 20, "the handshake is done")
    submit(emulator, "told")

    def completed() -> list[dict[str, Any]]:
        ended = "Microsoft.MachineLearningServices.RunCompleted"
        return [event for event in webhook.events if event["eventType"] == ended]

    until(lambda: len(completed()) == 6, 30, "five steps and the job are completed")
    (job,) = (event for event in completed() if event["data"]["runId"] == "told")
    assert job["subject"] == f"experiments/{job['data']['experimentId']}/runs/told"
    assert job["data"]["experimentName"] == "exp"
    assert job["data"]["runTags"] == {"a": "b"}
    assert job["data"]["runProperties"]["azureml.runsource"] == "azureml.PipelineRun"
    assert (job["data"]["runType"], job["topic"]) == (None, WS)
    changed = [
        event["data"].get("runStatus") for event in webhook.events if event["subject"].endswith("/told")
    ]
    assert {"Preparing", "Running", "Finalizing", "Completed"} <= set(changed)
    assert "secret-key" not in emulator.log()
    assert "secret-key" not in json.dumps(emulator.admin("GET", "subscriptions"))


def test_failures_can_be_kept_quiet(make_emulator: Callable[..., Emulator], storage: Storage) -> None:
    assert storage
    emulator = make_emulator("--quiet-failures")
    submit(emulator, "quiet", {"seed": "1"})
    wait_for(emulator, "quiet", "Failed")
    told = [event["data"].get("runStatus") for event in emulator.admin("GET", "events")]
    assert "Running" in told
    assert "Failed" not in told


def test_delivery_of_events_can_go_wrong(emulator: Emulator) -> None:
    assert emulator.admin("POST", "events/faults", json={"lose": 1.0}) is None
    assert emulator.admin("POST", "events/faults", json={}) is None
    answer = emulator.client().post(f"{emulator.url}/admin/events/faults", json={"explode": 1})
    assert (answer.status_code, "explode" in answer.text) == (400, True)


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
    assert emulator.http("POST", f"{base}/runs/log-metric", json={}).status_code == 501


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
    assert emulator.ready_seconds < 3  # a second alone on the machine; tests share it


def test_sigkill_loses_nothing(make_emulator: Callable[..., Emulator], storage: Storage) -> None:
    """Jobs run again as the same job, deployments get their server back, keys and tokens stay valid."""
    assert storage
    emulator = make_emulator()
    submit(emulator, "done")
    wait_for(emulator, "done", "Completed")
    register(emulator, "done", "served")
    place = "/onlineEndpoints/durable"
    emulator.arm("PUT", place, json=endpoint_body())
    emulator.arm("PUT", f"{place}/deployments/blue", json=deployment_body("served"))
    provisioned(emulator, f"{place}/deployments/blue")
    keys = emulator.arm("POST", f"{place}/listKeys").json()
    submit(emulator, "interrupted", {"seed": "3"})
    wait_for(emulator, "interrupted", "Running")
    submit(emulator, "waiting", {"seed": "3"})
    answer = emulator.arm("POST", "/jobs/waiting/cancel")
    assert answer.status_code == 202
    assert emulator.process
    children = psutil.Process(emulator.process.pid).children(recursive=True)
    emulator.stop(signal.SIGKILL)
    until(lambda: not any(alive(child) for child in children), 20, "children end with the emulator")
    emulator.start()
    wait_for(emulator, "interrupted", "Running")
    wait_for(emulator, "waiting", "Canceled")
    assert status(emulator, "done") == "Completed"
    assert emulator.arm("POST", f"{place}/listKeys").json() == keys
    headers = {"Authorization": f"Bearer {keys['primaryKey']}", "azureml-model-deployment": "blue"}
    question: dict[str, Any] = {"input_data": {"input_string": []}}
    score = f"{emulator.url}/score/durable"

    def served() -> bool:
        return emulator.client().post(score, headers=headers, json=question).status_code == 200

    until(served, 30, "the deployment has its server back")
    emulator.arm("POST", "/jobs/interrupted/cancel")
    wait_for(emulator, "interrupted", "Canceled")


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
