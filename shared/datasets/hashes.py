"""Sets of 64-bit hashes for whole files: 8 bytes an entry, where Python's own set takes 60."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FEWEST = 1 << 14


class Hashes:
    """A set that takes many at a time, kept as a few sorted runs, each at least twice as long as the next."""

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []

    def add(self, values: Sequence[int] | NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Add all; tell of each whether it was new, the first of equal ones alone being so."""
        given = np.asarray(values, np.uint64)
        unique, first = np.unique(given, return_index=True)
        known = np.zeros(len(unique), np.bool_)
        for run in self._runs:
            known |= _among(unique, run)
        new = np.zeros(len(given), np.bool_)
        new[first[~known]] = True
        self._keep(unique[~known])
        return new

    def holds(self, values: Sequence[int]) -> NDArray[np.bool_]:
        """Tell of each whether it is in the set."""
        given = np.asarray(values, np.uint64)
        found = np.zeros(len(given), np.bool_)
        for run in self._runs:
            found |= _among(given, run)
        return found

    def _keep(self, run: NDArray[np.uint64]) -> None:
        """Keep a run; those not twice as long are merged with it."""
        while self._runs and len(self._runs[-1]) < max(2 * len(run), FEWEST):
            run = np.concatenate([self._runs.pop(), run])
            run.sort()
        if len(run):
            self._runs.append(run)


def _among(values: NDArray[np.uint64], run: NDArray[np.uint64]) -> NDArray[np.bool_]:
    places = np.searchsorted(run, values)
    places[places == len(run)] = 0
    found: NDArray[np.bool_] = run[places] == values
    return found
