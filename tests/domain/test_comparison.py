from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import comparison

LOSSES = st.lists(st.floats(0, 20), min_size=1, max_size=60)


def by_chat(losses: list[float]) -> dict[int, float]:
    return dict(enumerate(losses, 1))


@settings(max_examples=30, deadline=None)
@given(LOSSES)
def test_a_model_gains_nothing_on_itself(losses: list[float]) -> None:
    found = comparison.paired(by_chat(losses), by_chat(losses))
    assert found is not None
    assert (found.gain, found.low, found.high) == (0, 0, 0)
    assert found.chats == len(losses)


@settings(max_examples=30, deadline=None)
@given(LOSSES, st.floats(0.01, 5))
def test_the_same_gain_on_every_chat_is_sure(losses: list[float], gain: float) -> None:
    found = comparison.paired(by_chat(losses), by_chat([loss + gain for loss in losses]))
    assert found is not None
    for value in (found.gain, found.low, found.high):
        assert math.isclose(value, gain, abs_tol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=60))
def test_the_interval_lies_about_the_mean_and_within_the_gains(gains: list[float]) -> None:
    low, high = comparison.interval(gains)
    mean = statistics.fmean(gains)
    assert min(gains) - 1e-9 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= max(gains) + 1e-9
    assert comparison.interval(gains) == (low, high)  # the same chance each time


def test_the_interval_is_the_one_that_theory_gives() -> None:
    chance = random.Random(1)  # noqa: S311 - a sample, no secret
    gains = [chance.gauss(0.3, 1) for _ in range(400)]
    mean, error = statistics.fmean(gains), statistics.stdev(gains) / math.sqrt(len(gains))
    low, high = comparison.interval(gains)
    assert low == pytest.approx(mean - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(mean + 1.96 * error, abs=0.2 * error)


def test_only_chats_that_both_have_are_compared() -> None:
    found = comparison.paired({1: 1.0, 2: 2.0, 5: 9.0}, {1: 2.0, 2: 3.0, 7: 0.0})
    assert found is not None
    assert (found.chats, found.challenger, found.reference, found.gain) == (2, 1.5, 2.5, 1.0)
    assert comparison.paired({1: 1.0}, {2: 1.0}) is None
