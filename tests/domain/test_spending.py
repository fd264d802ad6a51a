"""A month's serving is read from histories: no hour twice, none before the month, none that nobody billed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import spending
from shared.domain.month import Month
from shared.domain.run import State, moved
from tests.domain import builders

if TYPE_CHECKING:
    from shared.domain.run import Run

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def lived(*states: State) -> Run:
    """A run that came to a state each hour."""
    run = builders.run(State.QUEUED)
    for n, state in enumerate(states):
        run = moved(run, state, "a test", START + n * HOUR)
    return run


@pytest.mark.parametrize(
    ("states", "hours"),
    [
        ([State.DEPLOYING, State.TESTING, State.PROMOTING, State.LIVE], 10),
        ([State.DEPLOYING, State.LIVE, State.SUPERSEDED, State.RETIRED], 3),
        ([State.DEPLOYING, State.FAILED], 1),
        ([State.DEPLOYING, State.SUPERSEDED], 1),
        ([State.SUPERSEDED], 0),
        ([State.TRAINING, State.FAILED], 0),
        ([State.DEPLOYING, State.LIVE, State.RETIRED, State.DEPLOYING, State.LIVE], 2 + 7),
        ([State.DEPLOYING, State.LIVE, State.SUPERSEDED, State.LIVE], 10),
    ],
)
def test_a_deployment_bills_until_its_run_is_over(states: list[State], hours: float) -> None:
    assert spending.served_hours(lived(*states), START - HOUR, START + 10 * HOUR) == hours


@given(st.lists(st.sampled_from(list(State)), max_size=12), st.integers(-5, 15), st.integers(0, 20))
def test_no_hour_counts_twice_or_outside_its_month(states: list[State], since: int, now: int) -> None:
    run, begin, end = lived(*states), START + since * HOUR, START + now * HOUR
    whole = spending.served_hours(run, begin, end)
    assert 0 <= whole <= max(now - since, 0)


@given(st.integers(0, 20 * 365 * 24 * 60))
def test_a_month_ends_where_the_next_begins(minutes: int) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ends = now + timedelta(hours=spending.hours_left(now))
    assert abs(spending.first_of(ends + HOUR) - ends) < timedelta(seconds=1)
    assert 0 < spending.hours_left(now) <= 31 * 24


def test_an_unknown_part_makes_the_month_unknown() -> None:
    assert Month(1.0, 2.0, 3.0).with_training(4.0) == 10.0
    for unknown in (Month(training_usd=None), Month(serving_usd=None), Month(ahead_usd=None)):
        assert unknown.with_training(4.0) is None
        assert "an unknown sum" in unknown.said()
