"""A run's record: each step's time and money, and since when nothing bills, from the document alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.app import tracing
from shared.domain import cost, names, spending, trace
from shared.domain.run import State, moved
from tests.domain import builders
from tests.domain.builders import NOON

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.run import Run

HOUR = timedelta(hours=1)
SERVED = [State.REGISTERING, State.DEPLOYING, State.TESTING, State.PROMOTING, State.LIVE]


def begun(usd: float | None = 4.0) -> Run:
    return builders.run(estimate=builders.estimate(usd), prepared=builders.prepared())


def lived(run: Run, *states: State, every: timedelta = HOUR, waited: timedelta = timedelta(0)) -> Run:
    """Let a run come to a state at each interval, as the use cases write it; waited: before a job begins."""
    at = run.updated
    for state in states:
        at += every
        if state in {State.QUEUED, State.TRAINING} and run.job:
            earlier = (*run.earlier, cost.present(run, at))
            run = replace(run, earlier=earlier, job=None, job_started=None, job_attempt=run.job_attempt + 1)
        run = moved(run, state, f"to {state}", at)
        if state is State.TRAINING:
            run = replace(run, job=names.job(run.name, run.job_attempt), job_started=at + waited)
        if state is State.DEPLOYING:
            run = replace(run, endpoint="support-1", deployment="r1", model="m", model_version="7")
    return run


def money(found: trace.Trace) -> list[tuple[str, float | None]]:
    return [(step.state, step.usd) for step in found.steps if step.usd != 0]


def test_each_step_has_its_time_its_money_and_what_it_made() -> None:
    run = lived(begun(), State.VALIDATING, State.QUEUED, State.TRAINING, *SERVED, State.RETIRED)
    found = trace.of(run, run.updated + 100 * HOUR)
    assert money(found) == [
        ("training", 4.0),
        ("deploying", 3.673),
        ("testing", 3.673),
        ("promoting", 3.673),
        ("live", 3.673),
    ]
    assert {step.state: step.made for step in found.steps if step.made} == {
        "validating": "prepared/r/1",
        "training": f"job {run.name}-a1",
        "registering": "model m:7",
        "deploying": "deployment r1 of support-1",
    }
    assert [step.hours for step in found.steps] == [1.0] * 9 + [100.0]
    assert [step.ended for step in found.steps][-2:] == [run.updated, None]
    assert (found.training_usd, found.serving_usd, found.total_usd) == (4.0, 14.69, 18.69)
    assert (found.source_digest, found.data_digest, found.drop.etag) == ("s" * 64, "d" * 64, "0x1")


def test_every_attempt_is_paid_for() -> None:
    run = lived(begun(), State.QUEUED, State.TRAINING, State.TRAINING, State.FAILED)
    run = lived(run, State.QUEUED, State.TRAINING, State.REGISTERING, waited=HOUR / 4)
    found = trace.of(run, run.updated)
    assert money(found) == [("training", 4.0), ("training", 4.0), ("training", 3.0)]
    assert [step.made for step in found.steps if step.made] == [f"job {run.name}-a{n}" for n in (1, 2, 3)]
    assert found.training_usd == cost.spent(run, run.updated) == 11.0
    assert cost.spent(run, run.updated, NOON + 3.5 * HOUR) == 2.0 + 3.0  # a month's budget counts them too


def test_what_an_older_droptune_forgot_is_unknown_and_so_is_the_sum() -> None:
    run = lived(begun(), State.QUEUED, State.TRAINING, State.TRAINING, State.REGISTERING)
    found = trace.of(replace(run, earlier=()), run.updated)
    assert money(found) == [("training", None), ("training", 4.0)]
    assert (found.training_usd, found.total_usd) == (None, None)
    assert found.steps[2].billed_hours is None


def test_an_unknown_price_is_unknown_and_what_used_nothing_cost_nothing() -> None:
    unknown = trace.of(lived(begun(None), State.QUEUED, State.TRAINING, State.FAILED), NOON + 9 * HOUR)
    assert (unknown.training_usd, unknown.serving_usd, unknown.total_usd) == (None, 0.0, None)
    nothing = trace.of(lived(begun(None), State.VALIDATING, State.REJECTED), NOON + 9 * HOUR)
    assert (nothing.total_usd, nothing.billing, nothing.stopped) == (0.0, None, None)
    assert tracing.bills_said(nothing) == "nothing of it has billed"


def test_a_job_that_was_never_made_cost_nothing() -> None:
    run = lived(begun(), State.QUEUED, State.TRAINING, State.FAILED)
    found = trace.of(replace(run, job_started=None), run.updated)
    assert (found.total_usd, found.stopped, found.steps[2].made) == (0.0, None, None)


@pytest.mark.parametrize(
    ("states", "what", "usd"),
    [
        ([State.QUEUED, State.TRAINING], "job ", 96.0),
        ([State.QUEUED, State.TRAINING, *SERVED], "deployment r1 of support-1", 88.15),
        ([State.QUEUED, State.TRAINING, *SERVED, State.SUPERSEDED], "deployment r1 of support-1", 88.15),
    ],
)
def test_what_still_bills_is_named_with_its_price_a_day(states: list[State], what: str, usd: float) -> None:
    found = trace.of(lived(begun(), *states), NOON + 99 * HOUR)
    assert found.billing is not None
    assert found.billing.startswith(what)
    assert (found.usd_a_day, found.stopped) == (usd, None)
    assert tracing.bills_said(found).endswith(f"still bills: ${usd:,.2f} a day")


def test_since_when_nothing_bills_and_who_saw_to_it() -> None:
    run = lived(begun(), State.QUEUED, State.TRAINING, *SERVED)
    figures: dict[str, Any] = {"rule": "idle", "taken": "endpoint support-1"}
    run = moved(run, State.RETIRED, "swept, rule idle: nobody asked", run.updated + HOUR, figures=figures)
    stop = trace.of(run, run.updated + HOUR).stopped
    assert stop == trace.Stop(
        run.updated, "droptune", "swept, rule idle: nobody asked", "idle", "endpoint support-1"
    )
    cancelled = moved(
        lived(begun(), State.TRAINING), State.CANCELLED, "wrong file", NOON + 5 * HOUR, by="nora"
    )
    said = tracing.bills_said(trace.of(cancelled, NOON + 9 * HOUR))
    assert said == "nothing of it bills since 2026-11-24 17:00:00: wrong file, by nora"


def test_a_job_that_ended_before_it_began_by_another_clock_costs_no_more_than_it_took() -> None:
    run = lived(begun(), State.QUEUED, State.TRAINING, State.FAILED, every=timedelta(seconds=20))
    run = replace(run, job_started=run.updated + timedelta(seconds=30))
    assert cost.spent(run, run.updated + 1000 * HOUR) == 0.0
    assert trace.of(run, run.updated + 1000 * HOUR).total_usd == 0.0


def test_a_revived_run_names_its_endpoint_where_it_is_known() -> None:
    run = lived(begun(), State.DEPLOYING, State.TESTING, State.RETIRED, State.DEPLOYING, State.TESTING)
    made = [step.made for step in trace.of(run, run.updated).steps if step.made]
    assert made == ["deployment r1", "deployment r1 of support-1"]


NEXT = st.lists(st.sampled_from(list(State)), max_size=14)


@given(NEXT, st.integers(1, 90), st.data(), st.integers(0, 48))
def test_the_steps_sum_up_to_what_budgets_count(
    states: list[State], every: int, data: st.DataObject, later: int
) -> None:
    """A job begins within its step, as it does."""
    waited = timedelta(minutes=data.draw(st.integers(0, every - 1)))
    run = lived(begun(), *states, every=timedelta(minutes=every), waited=waited)
    now: datetime = run.updated + later * HOUR
    found = trace.of(run, now)
    training = [step.usd for step in found.steps if step.state is State.TRAINING]
    serving = [step.usd for step in found.steps if step.state is not State.TRAINING]
    hours = spending.served_hours(run, NOON, now)
    assert sum(usd or 0 for usd in training) == pytest.approx(cost.spent(run, now), abs=0.01)
    assert sum(usd or 0 for usd in serving) == pytest.approx(hours * 3.673, abs=0.01)
    assert found.total_usd == pytest.approx(sum(step.usd or 0 for step in found.steps), abs=0.02)
    assert all(step.usd is not None and step.usd >= 0 for step in found.steps)
    assert all(0 <= (step.billed_hours or 0) <= step.hours for step in found.steps)
    assert [step.state for step in found.steps] == [change.state for change in run.history]
    assert (found.billing is None) or (found.stopped is None)


@pytest.mark.parametrize(
    ("hours", "said"), [(0, "0 s"), (0.01, "36 s"), (0.5, "30 min"), (3.25, "3.2 h"), (72, "3.0 days")]
)
def test_a_time_is_said_to_a_person(hours: float, said: str) -> None:
    assert tracing.lasted(hours) == said
