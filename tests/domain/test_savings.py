"""What was saved is told cautiously."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.savings import Savings, after
from shared.domain.sweep import Verdict
from tests.domain.builders import NOON

HOUR = timedelta(hours=1)


def taken(name: str, monthly: float | None) -> Verdict:
    return Verdict(name, None, "take", "idle", "quiet", "support", None, monthly)


def test_a_deletion_saves_by_the_hour() -> None:
    found = after(Savings(), [taken("a", 7300.0)], lambda _: None, NOON)
    assert (found.taken, found.usd(NOON), found.usd(NOON + 3 * HOUR)) == (1, 0.0, 30.0)


def test_it_saves_until_the_recipe_serves_again_and_for_a_month_at_most() -> None:
    first = after(Savings(), [taken("a", 7300.0)], lambda _: None, NOON)
    again = after(first, [], lambda _: NOON + 2 * HOUR, NOON + 5 * HOUR)
    assert (again.open, again.usd(NOON + 99 * HOUR)) == ({}, 20.0)
    old = after(first, [], lambda _: NOON - HOUR, NOON + 5 * HOUR)
    assert old.usd(NOON + 5 * HOUR) == 50.0
    assert first.usd(NOON + timedelta(days=400)) == 7200.0
    assert after(first, [], lambda _: None, NOON + timedelta(days=400)).open == {}


def test_an_unknown_price_is_counted_and_never_valued() -> None:
    found = after(Savings(), [taken("a", None), taken("b", 0.0)], lambda _: None, NOON)
    assert (found.taken, found.unpriced, found.usd(NOON + HOUR)) == (2, 1, 0.0)


def test_what_is_taken_twice_counts_once() -> None:
    first = after(Savings(), [taken("a", 7300.0)], lambda _: None, NOON)
    again = after(first, [taken("a", 7300.0)], lambda _: None, NOON + HOUR)
    assert again.usd(NOON + 2 * HOUR) == 20.0
