"""Histograms in constant memory: exact where numbers are few, near where they are not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets.statistics import FEW, Histogram


def histogram(values: list[int], step: int = 1000) -> Histogram:
    made = Histogram()
    for begin in range(0, len(values), step):
        made.add(np.asarray(values[begin : begin + step], np.uint32))
    return made


@given(st.lists(st.integers(0, FEW - 1), min_size=1, max_size=80), st.integers(1, 7))
def test_few_numbers_are_told_exactly(values: list[int], step: int) -> None:
    figures = histogram(values, step).figures()
    ordered = sorted(values)
    assert figures["median"] == ordered[(len(values) + 1) // 2 - 1]
    assert (figures["min"], figures["max"]) == (ordered[0], ordered[-1])
    assert figures["exact"] == [(one, values.count(one)) for one in sorted(set(values))]


@given(st.lists(st.integers(1, 2**31), min_size=1, max_size=80))
def test_many_numbers_are_told_within_a_fifth(values: list[int]) -> None:
    found, ordered = histogram(values), sorted(values)
    for share in (0.05, 0.5, 0.95):
        truth = ordered[max(0, int(np.ceil(share * len(values))) - 1)]
        assert abs(found.quantile(share) / truth - 1) < 0.2
    figures = found.figures()
    assert (figures["min"], figures["max"]) == (ordered[0], ordered[-1])
    assert sum(count for _bound, count in figures["histogram"]) == len(values)
    assert (figures["exact"] == []) == (max(values) >= FEW)


def test_nothing_has_figures_too() -> None:
    assert Histogram().figures() == {
        "min": 0, "median": 0, "p95": 0, "max": 0, "histogram": [], "exact": []
    }  # fmt: skip
