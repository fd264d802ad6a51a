"""CloudEvents follow from what is written down: the same thing, the same id."""

from __future__ import annotations

from datetime import timedelta

from shared.domain import events
from shared.domain import run as runs
from shared.domain.run import State
from shared.domain.sweep import Verdict
from tests.domain.builders import NOON, run


def test_a_run_s_story_is_told_in_order_with_ids_that_stay() -> None:
    first = run()
    after = runs.moved(first, State.VALIDATING, "its turn", NOON + timedelta(minutes=1), figures={"n": 1})
    told = events.of_run(after, "acme")
    assert [one.type for one in told] == ["droptune.run.received", "droptune.run.validating"]
    assert [one.id for one in told] == [f"{first.name}/0", f"{first.name}/1"]
    assert [one.sequence for one in told] == sorted(one.sequence for one in told)
    assert told[:1] == events.of_run(first, "acme")
    assert told[1].data["before"] == "received"
    assert told[1].data["figures"] == {"n": 1}
    assert {one.specversion for one in told} == {"1.0"}


def test_a_sweep_s_events_name_the_thing_the_rule_and_the_money() -> None:
    verdict = Verdict("acme", "blue", "mark", "idle", "quiet", "support", "r", None, 2681.0, {"n": 1})
    (told,) = events.of_sweep("marked", [verdict], NOON, "acme")
    assert (told.type, told.subject) == ("droptune.sweep.marked", "endpoints/acme/blue")
    assert told == events.of_sweep("marked", [verdict], NOON, "acme")[0]
    (taken,) = events.of_sweep("taken", [verdict], NOON, "acme")
    assert told.sequence < taken.sequence
    title, text = events.in_words(told)
    assert title == "Droptune: acme/blue is about to go"
    assert "rule idle; it costs $2,681 a month" in text


def test_people_hear_of_turning_points_alone() -> None:
    loud = {state for state in State if events.is_loud(events.of_run(run(state), "acme")[-1])}
    assert loud == {
        State.AWAITING_APPROVAL,
        State.LIVE,
        State.REJECTED,
        State.FAILED,
        State.CANCELLED,
    }
    _, text = events.in_words(events.of_run(run(State.AWAITING_APPROVAL), "acme")[-1])
    assert "droptune approve support-" in text
