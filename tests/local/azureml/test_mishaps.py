"""Jobs and deployments that the admin API lets go wrong, as a user sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local.azureml.flow import (
    deployment_body,
    details,
    endpoint_body,
    provisioned,
    register,
    submit,
    wait_for,
)
from tests.local.azureml.rig import WS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

STEPS = [
    "ft_nlp_common_validation",
    "chat_completion_model_import",
    "chat_completion_datapreprocess",
    "chat_completion_finetune",
    "ft_nlp_model_converter",
]


@pytest.fixture(autouse=True)
def none_left(emulator: Emulator, storage: Storage) -> Iterator[None]:
    assert storage
    yield
    assert emulator.admin("GET", "mishaps") == []


def children(emulator: Emulator, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = emulator.http("GET", f"/history/v1.0{WS}/runs/{job}/children").json()[
        "value"
    ]
    return found


def log_of(emulator: Emulator, run: str) -> str:
    files = emulator.http("GET", details(run)).json()["logFiles"]
    return emulator.client().get(files["user_logs/std_log.txt"]).text


@pytest.mark.parametrize("step", STEPS)
def test_a_job_fails_at_any_of_its_steps(emulator: Emulator, step: str) -> None:
    """Its child failed, the later ones never began, and the end of its log can be read."""
    job = f"mishap-{STEPS.index(step)}"
    lines = ["torch.OutOfMemoryError: CUDA out of memory.", "exit code 1"]
    mishap = {
        "kind": "job",
        "name": job,
        "step": step,
        "code": "UserError",
        "message": "it broke",
        "log": lines,
    }
    emulator.admin("POST", "mishaps", json=mishap)
    submit(emulator, job)
    wait_for(emulator, job, "Failed")
    place = STEPS.index(step)
    found = children(emulator, job)
    assert [child["status"] for child in found] == [
        *["Completed"] * place,
        "Failed",
        *["Canceled"] * (len(STEPS) - place - 1),
    ]
    assert [child["startTimeUtc"] for child in found[place + 1 :]] == [None] * (len(STEPS) - place - 1)
    error = emulator.http("GET", details(found[place]["runId"])).json()["error"]["error"]
    assert (error["code"], error["message"]) == ("UserError", "it broke")
    root = emulator.http("GET", details(job)).json()["error"]["error"]
    assert step in root["message"]
    assert "CUDA out of memory.\nexit code 1\n" in log_of(emulator, found[place]["runId"])


def test_a_job_is_preempted_for_good(emulator: Emulator) -> None:
    """After two points of the loss; what was logged until then stays."""
    emulator.admin("POST", "mishaps", json={"kind": "job", "name": "gone", "how": "preempt", "points": 2})
    submit(emulator, "gone", {"seed": "3"})
    wait_for(emulator, "gone", "Failed")
    (failed,) = [child for child in children(emulator, "gone") if child["status"] == "Failed"]
    assert failed["displayName"] == "chat_completion_finetune"
    message = failed["error"]["error"]["message"]
    assert "PreemptionError: Nodes of this job got pre-empted" in message
    base = f"/mlflow/v2.0{WS}/api/2.0/mlflow/metrics/get-history?run_id=gone&metric_key=loss"
    assert len(emulator.http("GET", base).json()["metrics"]) >= 2


def test_a_preempted_job_begins_again(emulator: Emulator) -> None:
    """The same name, run ids and, in the end, one set of metrics."""
    emulator.admin(
        "POST", "mishaps", json={"kind": "job", "name": "preempted-again", "how": "restart", "points": 1}
    )
    submit(emulator, "preempted-again")
    wait_for(emulator, "preempted-again", "Completed")
    assert [child["status"] for child in children(emulator, "preempted-again")] == ["Completed"] * 5
    base = f"/mlflow/v2.0{WS}/api/2.0/mlflow/metrics/get-history?run_id=preempted-again&metric_key=loss"
    assert len(emulator.http("GET", base).json()["metrics"]) == 3


def test_a_deployment_fails_with_its_containers_log(emulator: Emulator) -> None:
    submit(emulator, "for-crash")
    wait_for(emulator, "for-crash", "Completed")
    register(emulator, "for-crash", "crash")
    emulator.arm("PUT", "/onlineEndpoints/crash", json=endpoint_body())
    place = "/onlineEndpoints/crash/deployments/blue"
    lines = ["Loading model", "ModuleNotFoundError: No module named 'flash_attn'"]
    emulator.admin("POST", "mishaps", json={"kind": "deployment", "name": "crash/*", "log": lines})
    answer = emulator.arm("PUT", place, json=deployment_body("crash"))
    provisioned(emulator, place, "Failed")
    ended = emulator.http("GET", answer.headers["Azure-AsyncOperation"]).json()
    assert ended["status"] == "Failed"
    assert "ResourceNotReady: User container has crashed or terminated" in ended["error"]["message"]
    logs = emulator.arm("POST", f"{place}/getLogs", json={"tail": 1}).json()["content"]
    assert logs == "ModuleNotFoundError: No module named 'flash_attn'\n"
    emulator.arm("DELETE", "/onlineEndpoints/crash")
