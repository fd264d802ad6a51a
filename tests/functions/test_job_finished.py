"""A job's event is a hint from our workspace about a run of ours, or it is nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from functions.job_finished import job_finished
from local.functions_host import decode
from tests.functions.samples import job_event, sample

if TYPE_CHECKING:
    from shared.domain.run import Run
    from tests.app.life import Life


def _training(life: Life) -> Run:
    name = life.drop()
    run = life.until(name, "training")
    life.deliver()
    life.storage.steps.waiting.clear()
    return run


def _hints(life: Life) -> list[tuple[str, int | None]]:
    return [(sent.run, sent.wake) for sent in life.storage.steps.waiting]


@pytest.mark.parametrize("kind", ["run_completed", "run_status_changed"])
def test_an_event_of_our_job_asks_for_a_look_at_its_run(life: Life, kind: str) -> None:
    run = _training(life)

    job_finished(job_event(kind, topic=life.world.workspace_id, runId=run.job))

    assert _hints(life) == [(run.name, None)]


@pytest.mark.parametrize("status", ["Running", "running", "Finalizing", "Queued"])
def test_a_job_on_its_way_asks_for_no_look(life: Life, status: str) -> None:
    run = _training(life)

    job_finished(
        job_event("run_status_changed", topic=life.world.workspace_id, runId=run.job, runStatus=status)
    )

    assert _hints(life) == []


def test_the_topic_is_compared_without_regard_to_case(life: Life) -> None:
    run = _training(life)

    job_finished(job_event("run_completed", topic=life.world.workspace_id.upper(), runId=run.job))

    assert _hints(life) == [(run.name, None)]


def test_what_the_event_says_of_the_job_is_not_believed(life: Life) -> None:
    run = _training(life)

    job_finished(
        job_event("run_status_changed", topic=life.world.workspace_id, runId=run.job, runStatus="Failed")
    )
    life.deliver()

    assert life.run(run.name).state == "training"


@pytest.mark.parametrize("topic", ["/subscriptions/s/workspaces/another", "", None])
def test_another_topic_is_ignored(life: Life, topic: str | None, caplog: pytest.LogCaptureFixture) -> None:
    run = _training(life)

    with caplog.at_level(logging.WARNING):
        job_finished(job_event("run_completed", topic=topic, runId=run.job))

    assert _hints(life) == []
    assert "from another topic" in caplog.text


def test_a_child_run_is_ignored(life: Life) -> None:
    _training(life)

    job_finished(job_event("child_run_completed", topic=life.world.workspace_id))

    assert _hints(life) == []


@pytest.mark.parametrize(
    "job",
    ["nightly-report", "support-20261124101500-0a1b2c3d-a1", "../r", "", None, 7, ["x"], "x" * 5000],
)
def test_a_foreign_job_is_ignored(life: Life, job: object) -> None:
    _training(life)

    job_finished(job_event("run_completed", topic=life.world.workspace_id, runId=job))

    assert _hints(life) == []


@pytest.mark.parametrize("data", [None, [], "text", 7, {}, {"runId": None}])
def test_garbage_data_is_ignored(life: Life, data: Any) -> None:
    _training(life)

    job_finished(decode.event(sample("run_completed") | {"topic": life.world.workspace_id, "data": data}))

    assert _hints(life) == []


def test_a_failure_goes_out_so_that_event_grid_sends_it_again(life: Life) -> None:
    run = _training(life)
    life.storage.fail_next("steps.send", OSError("no queue"))

    with pytest.raises(OSError, match="no queue"):
        job_finished(job_event("run_completed", topic=life.world.workspace_id, runId=run.job))
