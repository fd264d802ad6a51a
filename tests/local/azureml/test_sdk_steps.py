"""The steps of a fine-tune through the SDK and MLflow: children, their logs, what a stream shows."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from local.azureml import catalogue
from tests.local.azureml.flow import both_places_taken, details, submit, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

pytestmark = pytest.mark.filterwarnings("ignore")
STEPS = [
    "ft_nlp_common_validation",
    "chat_completion_model_import",
    "chat_completion_datapreprocess",
    "chat_completion_finetune",
    "ft_nlp_model_converter",
]
# Of the published inputs, outputs and steps of chat_completion_pipeline 0.0.82, keys sorted.
PUBLISHED = "f00882f32e17f83e355c82fb8074c0202652388c4b533fed588fd3993aaea136"


@pytest.fixture
def client(ml: Callable[..., Any], storage: Storage) -> Any:
    assert storage
    return ml()


def test_the_component_is_the_published_one() -> None:
    spec = catalogue._read("chat_completion_pipeline")
    content = {key: spec[key] for key in ("name", "version", "inputs", "outputs", "steps")}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == PUBLISHED
    assert list(spec["steps"]) == STEPS


def test_children_are_listed_and_told_about(client: Any, emulator: Emulator) -> None:
    submit(emulator, "with-children")
    wait_for(emulator, "with-children", "Completed")
    children = list(client.jobs.list(parent_job_name="with-children"))
    assert [child.display_name for child in children] == STEPS
    assert {child.status for child in children} == {"Completed"}
    step = client.jobs.get(children[3].name)
    assert (step.name, step.display_name, step.status) == (children[3].name, STEPS[3], "Completed")


def test_mlflow_knows_whose_child_a_step_is(client: Any, emulator: Emulator, monkeypatch: Any) -> None:
    """Metrics stand on the fine-tune's run and once more on the root's, on no other."""
    submit(emulator, "tracked")
    wait_for(emulator, "tracked", "Completed")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", emulator.token("https://management.azure.com"))
    from mlflow import MlflowClient

    tracking = client.workspaces.get().mlflow_tracking_uri.replace("azureml://", "https://")
    tracker = MlflowClient(tracking_uri=tracking)
    root = tracker.get_run("tracked")
    found = tracker.search_runs([root.info.experiment_id], "tags.mlflow.parentRunId = 'tracked'")
    runs = {run.data.tags["mlflow.runName"]: run for run in found}
    assert set(runs) == set(STEPS)
    assert {run.data.tags["mlflow.rootRunId"] for run in runs.values()} == {"tracked"}
    assert root.data.tags["mlflow.rootRunId"] == "tracked"
    finetune = runs["chat_completion_finetune"]
    assert finetune.data.metrics == root.data.metrics == {"loss": 1 / 3, "eval_loss": 3.0}
    assert not any(run.data.metrics for name, run in runs.items() if name != "chat_completion_finetune")


def test_a_run_for_the_node_may_lie_between(client: Any, emulator: Emulator) -> None:
    """Whether it does on Azure is not known: both shapes can be had."""
    emulator.admin("PATCH", "region", json={"nested_steps": True})
    submit(emulator, "nested")
    submit(emulator, "nested-fails", {"seed": "1"})
    wait_for(emulator, "nested", "Completed")
    wait_for(emulator, "nested-fails", "Failed")
    emulator.admin("DELETE", "region")
    (node,) = client.jobs.list(parent_job_name="nested")
    assert (node.display_name, node.status) == ("ft", "Completed")
    steps = client.jobs._runs_operations.get_run_children(node.name)
    assert [step.display_name for step in steps] == STEPS
    (failed,) = client.jobs.list(parent_job_name="nested-fails")
    assert failed.status == "Failed"
    told = emulator.http("GET", details(failed.name)).json()
    assert "Failed nodes: /ft/chat_completion_finetune" in told["error"]["error"]["message"]


def test_a_stream_shows_the_steps(client: Any, emulator: Emulator, capsys: Any) -> None:
    with both_places_taken(emulator, until_asked="/details"):
        submit(emulator, "streamed")
        client.jobs.stream("streamed")
    shown = capsys.readouterr().out
    places = [shown.index(f"{step} completed") for step in STEPS]
    assert places == sorted(places)


def test_a_stream_of_a_failed_job_names_the_step(client: Any, emulator: Emulator) -> None:
    """What was wrong, the child's details say, and its log; the SDK itself streams no child."""
    from azure.ai.ml.exceptions import JobException  # noqa: TID251 - the SDK under test

    submit(emulator, "stream-fails", {"seed": "1"})
    with pytest.raises(JobException, match="Failed nodes: /ft/chat_completion_finetune"):
        client.jobs.stream("stream-fails")
    (failed,) = [c for c in client.jobs.list(parent_job_name="stream-fails") if c.status == "Failed"]
    told = emulator.http("GET", details(failed.name)).json()
    assert told["error"]["error"]["message"] == "seed 1 makes this job fail"
    log = emulator.client().get(told["logFiles"]["user_logs/std_log.txt"]).text
    assert log.splitlines()[-1].endswith("UserError: seed 1 makes this job fail")


def test_the_sdk_waits_as_long_as_a_throttled_answer_says(client: Any, emulator: Emulator) -> None:
    """429 with Retry-After: the SDK asks again by itself, so that its caller sees nothing of it."""
    submit(emulator, "throttled")
    wait_for(emulator, "throttled", "Completed")
    fault = {"route": "GET {ws}/jobs/{name}", "status": 429, "times": 2, "retry_after": 1}
    emulator.admin("POST", "faults", json=fault)
    started = time.monotonic()
    assert client.jobs.get("throttled").status == "Completed"
    assert time.monotonic() - started >= 2
    assert emulator.admin("GET", "faults") == []
