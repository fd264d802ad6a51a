"""A job's metrics and a model's defaults, read out of what Azure ML answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from shared.adapters.azureml import AzureMLJobs
from shared.adapters.azureml.models import _defaults
from shared.domain.errors import Missing
from tests.adapters.azureml.https import Reply, Seen, Service, service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACKING = "/mlflow/v2.0/subscriptions/s/x/api/2.0/mlflow"


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch, service(tmp_path, patch) as made:
        yield made


def point(key: str, value: object, timestamp: int = 1, step: int = 0) -> dict[str, Any]:
    return {"key": key, "value": value, "timestamp": timestamp, "step": step}


def run(name: str, *points: dict[str, Any]) -> dict[str, Any]:
    return {"info": {"run_id": name, "experiment_id": "7"}, "data": {"metrics": list(points)}}


def tracking(azure: Service, root: dict[str, Any], *children: dict[str, Any]) -> AzureMLJobs:
    host = azure.url.removeprefix("https://")

    def answer(seen: Seen) -> Reply:
        if seen.line.startswith(f"GET {TRACKING}/runs/get?run_id=acme-a1"):
            return Reply(body={"run": root})
        if seen.line.startswith(f"POST {TRACKING}/runs/search"):
            return Reply(body={"runs": [root, *children]})
        if "/workspaces/w?" in seen.line:
            uri = f"azureml://{host}/mlflow/v1.0/subscriptions/s/x"
            return Reply(body={"location": "eastus2", "properties": {"mlFlowTrackingUri": uri}})
        return Reply(404)

    azure.answer = answer
    return AzureMLJobs(azure.place())


def test_the_root_run_s_last_values_count(azure: Service) -> None:
    root = run("acme-a1", point("loss", 0.5, 9, 30), point("eval_loss", 2), point("loss", 0.9, 8, 20))
    jobs = tracking(azure, root, run("child", point("loss", 7.0)))
    assert jobs.metrics("acme-a1") == {"loss": 0.5, "eval_loss": 2.0}
    assert not any("runs/search" in line for line in azure.lines)


def test_without_any_the_children_s_count(azure: Service) -> None:
    children = (
        run("fine-tune", point("loss", 0.5, 5), point("eval_loss", 1.5, 6)),
        run("evaluation", point("eval_loss", 1.4, 9)),
        run("preprocess"),
    )
    jobs = tracking(azure, run("acme-a1"), *children)
    assert jobs.metrics("acme-a1") == {"loss": 0.5, "eval_loss": 1.4}
    asked = next(seen.body for seen in azure.seen if "runs/search" in seen.line)
    assert asked["experiment_ids"] == ["7"]
    assert asked["filter"] == "tags.mlflow.rootRunId = 'acme-a1'"


def test_what_is_no_number_is_left_out(azure: Service) -> None:
    """A loss that diverged is absent, and so can be seen to be."""
    root = run("acme-a1", point("loss", 0.5), point("eval_loss", "NaN"), point("grad_norm", "Infinity"))
    assert tracking(azure, root).metrics("acme-a1") == {"loss": 0.5}


def test_a_job_without_figures_has_none(azure: Service) -> None:
    assert tracking(azure, run("acme-a1")).metrics("acme-a1") == {}
    with pytest.raises(Missing):
        tracking(azure, run("acme-a1")).metrics("another")


def test_defaults_are_a_literal_and_never_run() -> None:
    assert _defaults("m", "{'learning_rate': 5e-6, 'apply_lora': 'true', 1: None}") == {
        "learning_rate": 5e-6,
        "apply_lora": "true",
        "1": None,
    }
    assert _defaults("m", None) == {}


@pytest.mark.parametrize("text", ["__import__('os').getcwd()", "{'a': ", "[1, 2]", "not python at all"])
def test_defaults_that_cannot_be_read_are_left_out_aloud(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert _defaults("Phi-4", text) == {}
    assert "Phi-4" in caplog.text


def test_a_long_curve_comes_in_pages_and_is_thinned(azure: Service) -> None:
    pages = {"": (range(2000), "next"), "next": (range(2000, 3000), None)}
    jobs = tracking(azure, run("acme-a1", point("loss", 0.1), point("epoch", 1)))
    others = azure.answer

    def answer(seen: Seen) -> Reply:
        if "/metrics/get-history" not in seen.line:
            return others(seen)
        steps, token = pages["next" if "page_token=next" in seen.line else ""]
        points = [point("loss", 1 / (step + 1), step=step) for step in steps]
        return Reply(body={"metrics": [*points, point("loss", "NaN", step=9999)], "next_page_token": token})

    azure.answer = answer
    curves = jobs.curves("acme-a1")
    assert list(curves) == ["loss"]
    points = curves["loss"]
    assert (len(points), points[0], points[-1]) == (1000, (0, 1.0), (2999, 1 / 3000))
    assert [step for step, _ in points] == sorted({step for step, _ in points})


def test_the_step_that_failed_is_found_below_a_component_s_own_run(azure: Service) -> None:
    """A pipeline component is a run with steps of its own: the root's child is it, and not the step."""
    children = {
        "acme-a1": [{"runId": "node", "status": "Failed", "displayName": "chat_completion_pipeline"}],
        "node": [
            {"runId": "import", "status": "Completed", "displayName": "chat_completion_model_import"},
            {"runId": "tune", "status": "Failed", "displayName": "chat_completion_finetune"},
        ],
    }

    def answer(seen: Seen) -> Reply:
        if "/workspaces/w?" in seen.line:
            return Reply(body={"properties": {"discoveryUrl": f"{azure.url}/discovery/"}})
        if "/discovery/" in seen.line:
            return Reply(body={"api": azure.url})
        if seen.line.endswith("/log"):
            return Reply(body=b"the last line")
        name, part = seen.line.split("/runs/")[1].split("?")[0].split("/")
        if part == "children":
            return Reply(body={"value": children.get(name, [])})
        error = {"code": "UserError", "message": f"{name} broke"}
        files = {"user_logs/std_log.txt": f"{azure.url}/log"}
        return Reply(body={"error": {"error": error}, "logFiles": files})

    azure.answer = answer
    found = AzureMLJobs(azure.place()).failure("acme-a1")
    assert (found.step, found.error) == ("chat_completion_finetune", "UserError: tune broke")
    assert found.log == "the last line"
