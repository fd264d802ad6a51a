"""A small likeness of a data set, so that a later one can be held against it without reading it again.

A bottom-k sketch (KMV; Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007): the K lowest
of the rows' 64-bit hashes. Hashes are as good as drawn by lot, so what lies below a bound is a fair sample of
the rows, and the same sample in every data set: two sketches know all rows below the smaller of their highest
hashes, and which of them both have. Shares are estimated from these; their standard error is at most
0.5/√n for n rows compared (1.1 % for 2,048). Sets of fewer than K different rows are compared whole.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

K = 2048
METHOD = "the 2,048 lowest XXH3-64 hashes of messages' hashes (bottom-k)"
WIDE = 1.96  # standard deviations: 95 of 100 intervals hold the truth
BYTES = ">u8"


@dataclass(frozen=True)
class Sketch:
    """rows, questions: the lowest hashes of whole rows and of first questions, ascending.

    Each is big-endian numbers of 8 bytes, in base64. Sketches of another method are not comparable.
    """

    rows: str
    questions: str
    method: str = METHOD

    @property
    def sound(self) -> bool:
        """Tell whether it holds what it says, for it may come from a file of anyone's."""
        try:
            kept = [_hashes(self.rows), _hashes(self.questions)]
        except ValueError:
            return False
        return all(len(one) <= K and bool(np.all(one[1:] > one[:-1])) for one in kept)


class Lowest:
    """The K lowest different hashes of many."""

    def __init__(self, k: int = K) -> None:
        self._k = k
        self._kept = np.empty(0, np.uint64)
        self._waiting: list[NDArray[np.uint64]] = []
        self._count = 0

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take more hashes; sorting waits until K have come that may be among the lowest."""
        if len(self._kept) == self._k:
            hashes = hashes[hashes < self._kept[-1]]
        if len(hashes):
            self._waiting.append(hashes)
            self._count += len(hashes)
        if self._count >= self._k:
            self._settle()

    def text(self) -> str:
        """Give them as a Sketch has them."""
        self._settle()
        return b64encode(self._kept.astype(BYTES).tobytes()).decode()

    def _settle(self) -> None:
        self._kept = np.unique(np.concatenate([self._kept, *self._waiting]))[: self._k]
        self._waiting, self._count = [], 0


@dataclass(frozen=True)
class Share:
    """A share, 0 to 1, and where it lies in 95 cases of 100; low and high are value where it is exact."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Overlap:
    """Two sets held against each other. then, now, both: of the rows compared; exact: they were all rows."""

    then: int
    now: int
    both: int
    exact: bool

    @property
    def new(self) -> Share:
        """The share of today's rows that were not there."""
        return self._share(self.now - self.both, self.now)

    @property
    def kept(self) -> Share:
        """The share of today's rows that were there."""
        return self._share(self.both, self.now)

    @property
    def gone(self) -> Share:
        """The share of the earlier rows that are not there any more."""
        return self._share(self.then - self.both, self.then)

    def _share(self, part: int, whole: int) -> Share:
        """Wilson's interval: unlike the plain one it has a width where nothing or all was found."""
        if not whole:
            return Share(0.0, 0.0, 0.0 if self.exact else 1.0)
        value = part / whole
        if self.exact:
            return Share(value, value, value)
        square = WIDE * WIDE / whole
        middle = (value + square / 2) / (1 + square)
        half = WIDE * math.sqrt(value * (1 - value) / whole + square / (4 * whole)) / (1 + square)
        return Share(value, max(0.0, min(value, middle - half)), min(1.0, max(value, middle + half)))


def overlap(then: str, now: str, k: int = K) -> Overlap:
    """Compare two texts of Lowest."""
    one, other = _hashes(then), _hashes(now)
    full = [kept[-1] for kept in (one, other) if len(kept) >= k]
    if full:  # above it one of the two knows nothing
        one, other = (kept[kept <= min(full)] for kept in (one, other))
    return Overlap(len(one), len(other), len(np.intersect1d(one, other, assume_unique=True)), not full)


def _hashes(text: str) -> NDArray[np.uint64]:
    return np.frombuffer(b64decode(text, validate=True), BYTES).astype(np.uint64)
