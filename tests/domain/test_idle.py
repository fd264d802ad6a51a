"""Idle only where the figures prove it."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.idle import MINUTE, Traffic, judge
from tests.domain.builders import NOON

HOUR = timedelta(hours=1)


def beats(minutes: int) -> list[datetime]:
    return [NOON - n * MINUTE for n in range(1, minutes + 1)]


def test_no_request_and_a_steady_heartbeat_is_idle() -> None:
    found = judge(Traffic(known=True, heartbeat=beats(200)), NOON - 3 * HOUR, 2, NOON)
    assert found.state == "idle"
    assert "no request for 180 minutes" in found.reason


def test_a_failed_query_is_unknown() -> None:
    assert judge(Traffic(known=False), NOON - 100 * HOUR, 2, NOON).state == "unknown"


def test_no_figure_at_all_is_unknown_not_idle() -> None:
    assert judge(Traffic(known=True), NOON - 100 * HOUR, 2, NOON).state == "lifeless"


def test_a_request_in_the_window_is_use() -> None:
    traffic = Traffic(known=True, requests={NOON - 30 * MINUTE: 1}, heartbeat=beats(200))
    assert judge(traffic, NOON - 3 * HOUR, 2, NOON).state == "busy"


def test_our_own_requests_are_nobodys_use() -> None:
    at = NOON - 30 * MINUTE
    quiet = Traffic(known=True, requests={at: 2}, own={at: 2}, heartbeat=beats(200))
    assert judge(quiet, NOON - 3 * HOUR, 2, NOON).state == "idle"
    shared = Traffic(known=True, requests={at: 3}, own={at: 2}, heartbeat=beats(200))
    assert judge(shared, NOON - 3 * HOUR, 2, NOON).state == "busy"


def test_our_own_request_may_be_counted_a_minute_after_its_note() -> None:
    noted = NOON - 30 * MINUTE
    late = Traffic(known=True, requests={noted + MINUTE: 1}, own={noted: 1}, heartbeat=beats(200))
    assert judge(late, NOON - 3 * HOUR, 2, NOON).state == "idle"


def test_a_note_explains_one_request_and_not_for_long() -> None:
    noted = NOON - 30 * MINUTE
    twice = {noted: 1.0, noted + MINUTE: 1.0}
    assert (
        judge(Traffic(known=True, requests=twice, own={noted: 1}), NOON - 3 * HOUR, 2, NOON).state == "busy"
    )
    later = {noted + 2 * MINUTE: 1.0}
    assert (
        judge(Traffic(known=True, requests=later, own={noted: 1}), NOON - 3 * HOUR, 2, NOON).state == "busy"
    )


def test_a_young_deployment_is_not_idle() -> None:
    assert judge(Traffic(known=True, heartbeat=beats(200)), NOON - HOUR, 2, NOON).state == "young"


def test_nobody_can_prove_a_window_longer_than_the_figures_reach() -> None:
    month = timedelta(days=31)
    quiet = Traffic(known=True, heartbeat=beats(60 * 24 * 31))
    assert judge(quiet, NOON - 2 * month, month / HOUR, NOON).state == "unknown"


def test_a_short_window_wants_a_beat_in_every_whole_minute() -> None:
    born = NOON - HOUR
    assert judge(Traffic(known=True, heartbeat=beats(10)), born, 10 / 60, NOON).state == "idle"
    gap = [at for at in beats(10) if at != NOON - 5 * MINUTE]
    assert judge(Traffic(known=True, heartbeat=gap), born, 10 / 60, NOON).state == "lifeless"


def test_a_long_window_forgives_one_gap_in_ten() -> None:
    born = NOON - 10 * HOUR
    nine_of_ten = [at for n, at in enumerate(beats(120)) if n % 10]
    assert judge(Traffic(known=True, heartbeat=nine_of_ten), born, 2, NOON).state == "idle"
    eight_of_ten = [at for n, at in enumerate(beats(120)) if n % 5]
    assert judge(Traffic(known=True, heartbeat=eight_of_ten), born, 2, NOON).state == "lifeless"


@given(st.integers(72, 600))
def test_a_window_of_72_seconds_finds_its_whole_minute_at_any_second(later: int) -> None:
    """A window as short as the demo's must not depend on the second the sweep comes at."""
    now = NOON + timedelta(seconds=later)
    alive = [NOON + n * MINUTE for n in range(int((now - NOON) / MINUTE))]
    state = judge(Traffic(known=True, heartbeat=alive), NOON - timedelta(seconds=30), 0.02, now).state
    assert state == "idle"


@given(
    st.dictionaries(st.integers(1, 300), st.integers(1, 5), max_size=10),
    st.integers(1, 4),
    st.sets(st.integers(1, 300)),
)
def test_nothing_asked_within_the_window_is_ever_called_idle(
    asked: dict[int, int], hours: int, alive: set[int]
) -> None:
    requests = {NOON - n * MINUTE: float(count) for n, count in asked.items()}
    traffic = Traffic(known=True, requests=requests, heartbeat=[NOON - n * MINUTE for n in alive])
    found = judge(traffic, NOON - 10 * HOUR, hours, NOON)
    if any(n <= hours * 60 for n in asked):
        assert found.state != "idle"
