"""What a step's figures say, and which shares a step gives."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import rollout
from shared.domain.errors import Rejected
from shared.domain.recipe import Serving
from shared.domain.recipe_text import read
from shared.domain.rollout import MINUTE, Figures, Look, Split, Stage, judge, stages
from tests.domain.builders import NOON

TEN = Stage(10)
CALM = Figures(requests=900, faults=9, p95=2.0)


def at(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def verdict(
    challenger: Figures | None, minutes: float = 10, champion: Figures | None = CALM, **serving: object
) -> tuple[str, str]:
    made = judge(Serving(**serving), TEN, Look(champion, challenger, at(minutes)))  # type: ignore[arg-type]
    assert made.reason
    return made.word, made.rule


# ---- steps and shares


def test_each_strategy_has_its_steps() -> None:
    ten, half, whole = Stage(10), Stage(50), Stage(100)
    assert stages(Serving()) == (ten, half, whole)
    assert stages(Serving(rollout=(10, 50))) == (ten, half, whole)
    assert stages(Serving(rollout=(100,))) == stages(Serving(rollout=())) == (whole,)
    assert stages(Serving(strategy="canary")) == (ten, whole)
    assert stages(Serving(strategy="mirror")) == (Stage(10, mirrored=True), ten, half, whole)
    assert stages(Serving(strategy="mirror", rollout=(80, 100)))[0] == Stage(50, mirrored=True)


def test_steps_that_do_not_rise_are_no_recipe() -> None:
    for steps in ([50, 10], [10, 10, 100]):
        with pytest.raises(Rejected, match=r"serving\.rollout: found .* expected percents that rise"):
            read({"serving": {"rollout": steps}}, "support")
    assert read({"serving": {"rollout": [10, 100]}}, "support").serving.rollout == (10, 100)


def test_a_steps_shares_leave_a_persons_copies_alone() -> None:
    before = Split({"old": 100}, {"theirs": 20})
    assert rollout.shares(TEN, "old", "new", before) == Split({"old": 90, "new": 10}, {"theirs": 20})
    assert rollout.shares(Stage(100), "old", "new", before) == Split({"new": 100}, {"theirs": 20})
    mirrored = rollout.shares(Stage(10, mirrored=True), "old", "new", before)
    assert mirrored == Split({"old": 100}, {"new": 10})
    assert rollout.shares(TEN, "old", "new", mirrored) == Split({"old": 90, "new": 10})


# ---- figures


def test_figures_are_added_up_from_the_steps_first_minute_on() -> None:
    statuses = {
        200: {NOON - MINUTE: 50.0, NOON: 8.0, NOON + MINUTE: 4.0},
        424: {NOON: 1.0},
        503: {NOON + MINUTE: 2.0},
        400: {NOON + MINUTE: 5.0},
    }
    latency = {NOON - MINUTE: 9.0, NOON: 1.0, NOON + MINUTE: 3.0}
    found = rollout.figures(statuses, latency, {}, NOON + timedelta(seconds=40))
    assert (found.requests, found.faults) == (20, 3)
    assert found.p95 == pytest.approx((9 * 1.0 + 11 * 3.0) / 20)


def test_our_own_requests_count_for_nobody_not_even_a_minute_late() -> None:
    noted = {NOON - MINUTE: 3.0}
    late = {200: {NOON - MINUTE: 1.0, NOON: 2.0}}
    assert rollout.figures(late, {}, noted, NOON).requests == 0
    later = {200: {NOON - MINUTE: 3.0, NOON: 2.0}}
    assert rollout.figures(later, {}, noted, NOON).requests == 2
    failed = {500: {NOON: 4.0}}
    found = rollout.figures(failed, {}, {NOON: 3.0}, NOON)
    assert (found.requests, found.faults) == (1, 1)


@given(
    st.dictionaries(
        st.sampled_from([200, 404, 424, 429, 500]),
        st.dictionaries(st.integers(-2, 5).map(lambda n: NOON + n * MINUTE), st.floats(0, 1e6)),
    ),
    st.dictionaries(st.integers(-2, 5).map(lambda n: NOON + n * MINUTE), st.floats(0, 100)),
)
def test_no_figures_hold_more_errors_than_requests(
    statuses: dict[int, dict[object, float]], own: dict[object, float]
) -> None:
    found = rollout.figures(statuses, {}, own, NOON)  # type: ignore[arg-type]
    assert 0 <= found.faults <= found.requests + 1e-6
    assert found.requests <= sum(sum(points.values()) for points in statuses.values()) + 1e-6


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (200, False),
        (400, False),
        (401, False),
        (404, False),
        (408, True),
        (424, True),
        (429, True),
        (503, True),
    ],
)
def test_what_the_caller_did_wrong_is_no_fault_of_the_deployment(status: int, fault: bool) -> None:  # noqa: FBT001
    assert rollout.is_fault(status) is fault


# ---- decisions


def test_a_step_bakes_then_goes() -> None:
    good = Figures(100, 1, 2.1)
    assert verdict(good, minutes=9.9) == ("wait", "bakes")
    assert verdict(good) == ("go", "no-worse")


def test_errors_send_it_back_before_the_bake_is_over() -> None:
    assert verdict(Figures(10, 3), minutes=0.5) == ("back", "errors")
    assert verdict(Figures(3, 3), minutes=0.5) == ("back", "errors")
    assert verdict(Figures(2, 2), minutes=0.5) == ("wait", "bakes")
    assert verdict(Figures(100, 6))[0] == "go"  # over the limit, but not surely
    assert verdict(Figures(1000, 80)) == ("back", "errors")
    assert verdict(Figures(1000, 80), max_error_share=0.1)[0] == "go"


def test_errors_that_the_champion_has_too_are_not_the_challengers() -> None:
    ill = Figures(900, 900)
    assert verdict(Figures(100, 100), champion=ill) == ("go", "no-worse")
    assert verdict(Figures(100, 100), champion=Figures(900, 890)) == ("back", "errors")


def test_a_slow_challenger_goes_back() -> None:
    assert verdict(Figures(100, 0, 4.1), minutes=1) == ("back", "slower")
    assert verdict(Figures(100, 0, 4.1), max_slowdown=3) == ("go", "no-worse")
    assert verdict(Figures(10, 0, 9.0), minutes=1) == ("wait", "bakes")  # too few to tell
    assert verdict(Figures(100, 0, 9.0), champion=Figures(5, 0, 2.0)) == ("go", "no-worse")
    assert verdict(Figures(100, 0, 9.0), champion=Figures(900, 0)) == ("go", "no-worse")
    fast = Figures(900, 0, 0.01)
    assert verdict(Figures(100, 0, 0.2), champion=fast) == ("go", "no-worse")  # nobody feels it
    assert verdict(Figures(100, 0, 3.0), max_latency_seconds=2.5) == ("back", "latency")


@pytest.mark.parametrize(
    ("rule", "early", "late"),
    [("go", "go", "go"), ("wait", "wait", "back"), ("back", "back", "back")],
)
def test_too_little_traffic_is_handled_by_the_recipes_rule(rule: str, early: str, late: str) -> None:
    few = Figures(19, 0, 1.0)
    assert verdict(few, little_traffic=rule) == (early, "too-little-traffic")
    assert verdict(few, minutes=10 + 24 * 60, little_traffic=rule) == (late, "too-little-traffic")
    assert verdict(Figures(), little_traffic=rule)[0] == early
    assert verdict(few, minutes=9, little_traffic=rule) == ("wait", "bakes")


def test_without_figures_nobody_goes_on() -> None:
    assert verdict(None, minutes=600) == ("wait", "figures-unknown")
    assert verdict(Figures(100, 0), minutes=600, champion=None) == ("wait", "figures-unknown")
    assert verdict(None, minutes=10 + 24 * 60) == ("back", "figures-unknown")


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0, 2000), st.sampled_from(["go", "wait", "back"]))
def test_every_step_ends(requests: int, faults: int, minutes: float, rule: str) -> None:
    challenger = Figures(requests, min(faults, requests), 2.0)
    word, _rule = verdict(challenger, minutes, little_traffic=rule)
    assert word in {"go", "wait", "back"}
    assert verdict(challenger, 10 + 24 * 60, little_traffic=rule)[0] != "wait"


@given(st.integers(1, 1000), st.integers(0, 1000))
def test_the_sure_share_is_below_the_share_and_grows_with_what_is_known(requests: int, faults: int) -> None:
    faults = min(faults, requests)
    low = rollout.surely(faults, requests)
    assert 0 <= low <= faults / requests + 1e-9
    assert low <= rollout.surely(faults * 10, requests * 10) + 1e-9
