"""A sketch tells what two data sets share, exactly for small ones and within its interval for large ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets.sketch import K, Lowest, Overlap, overlap
from tests.datasets.helpers import chat, check, jsonl


def text(hashes: object, k: int = K) -> str:
    lowest = Lowest(k)
    lowest.add(np.asarray(hashes, np.uint64))
    return lowest.text()


HASHES = st.sets(st.integers(0, 2**64 - 1), max_size=40)


@given(HASHES, HASHES)
def test_small_sets_are_compared_exactly(then: set[int], now: set[int]) -> None:
    found = overlap(text(sorted(then)), text(sorted(now)))
    assert found == Overlap(len(then), len(now), len(then & now), exact=True)


@given(HASHES, HASHES, st.integers(1, 12))
def test_what_is_compared_is_the_same_part_of_both(then: set[int], now: set[int], k: int) -> None:
    found = overlap(text(sorted(then), k), text(sorted(now), k), k)
    if found.exact:
        assert (found.then, found.now) == (len(then), len(now))
        return
    ends = [sorted(rows)[k - 1] for rows in (then, now) if len(rows) >= k]
    below = [{one for one in rows if one <= min(ends)} for rows in (then, now)]
    assert (found.then, found.now) == (len(below[0]), len(below[1]))
    assert found.both == len(below[0] & below[1])


@given(st.lists(st.integers(0, 2**64 - 1), max_size=60), st.integers(1, 9))
def test_a_sketch_does_not_hang_on_order_or_pieces(hashes: list[int], step: int) -> None:
    pieces = Lowest(10)
    for begin in range(0, len(hashes), step):
        pieces.add(np.asarray(hashes[begin : begin + step][::-1], np.uint64))
    assert pieces.text() == text(hashes, 10)


def test_nine_of_ten_intervals_and_more_hold_the_truth() -> None:
    draw = np.random.default_rng(7)
    held = 0
    for _ in range(60):
        rows = draw.integers(0, 2**64 - 1, 22_000, np.uint64, endpoint=True)
        new = overlap(text(rows[:20_000]), text(rows[4_000:])).new
        truth = 2_000 / 18_000
        assert abs(new.value - truth) < 0.05
        held += new.low <= truth <= new.high
    assert held >= 54


def test_an_estimate_of_nothing_still_has_an_interval() -> None:
    rows = np.arange(10_000, dtype=np.uint64)
    new = overlap(text(rows), text(rows)).new
    assert (new.value, new.low) == (0, 0)
    assert 0 < new.high < 0.01


@pytest.mark.parametrize("count", [100, 5000])
def test_reports_hold_the_sketch_of_their_accepted_rows(count: int) -> None:
    rows = [chat(f"Question {n}?", f"Answer {n}.") for n in range(count)]
    one, other = check(jsonl(rows)), check(jsonl([*rows[::-1], b"oops"]), max_bad_fraction=1)
    assert one.sketch is not None
    assert one.sketch == other.sketch
