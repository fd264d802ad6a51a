"""Figures about chats in constant memory: histograms with a bucket for each power of √2, exact for few."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.datasets.figures import Spread


FEW = 64


@dataclass
class Histogram:
    """Counts of positive numbers by size; quantiles under FEW and ends are exact, others within 20 %."""

    least: int = 0
    most: int = 0
    counted: int = 0
    buckets: Counter[int] = field(default_factory=Counter)
    few: NDArray[np.int64] = field(default_factory=lambda: np.zeros(FEW, np.int64))

    def add(self, values: NDArray[np.uint32]) -> None:
        """Count many numbers."""
        if not len(values):
            return
        least, most = int(values.min()), int(values.max())
        self.least = min(self.least, least) if self.counted else least
        self.most = max(self.most, most)
        self.counted += len(values)
        self.few += np.bincount(values[values < FEW], minlength=FEW)
        buckets = (2 * np.log2(np.maximum(values, 1))).astype(np.int64)
        for bucket, count in zip(*np.unique(buckets, return_counts=True), strict=True):
            self.buckets[int(bucket)] += int(count)

    def quantile(self, share: float) -> int:
        """Estimate a quantile."""
        wanted, passed = share * self.counted, 0
        if wanted <= self.few.sum():
            return int(np.searchsorted(np.cumsum(self.few), wanted))
        for bucket in sorted(self.buckets):
            passed += self.buckets[bucket]
            if passed >= wanted:
                return max(self.least, min(self.most, round(2 ** ((bucket + 0.5) / 2))))
        return self.most

    def figures(self) -> Spread:
        """Give all that is known: the buckets by their upper bounds, each number where all are few."""
        bounds = [(round(2 ** ((bucket + 1) / 2)), self.buckets[bucket]) for bucket in sorted(self.buckets)]
        exact = [(number, int(self.few[number])) for number in np.flatnonzero(self.few).tolist()]
        return {
            "min": self.least,
            "median": self.quantile(0.5),
            "p95": self.quantile(0.95),
            "max": self.most,
            "histogram": bounds,
            "exact": exact if self.most < FEW else [],
        }


@dataclass
class Statistics:
    """What is counted of every accepted chat."""

    characters: Histogram = field(default_factory=Histogram)
    turns: Histogram = field(default_factory=Histogram)
    total_characters: int = 0

    def add(self, characters: NDArray[np.uint32], turns: NDArray[np.uint32]) -> None:
        """Count chats: the characters and the messages of each."""
        self.characters.add(characters)
        self.turns.add(turns)
        self.total_characters += int(characters.sum(dtype=np.int64))

    def figures(self) -> dict[str, Any]:
        """Give all figures."""
        return {
            "characters": self.characters.figures(),
            "turns": self.turns.figures(),
            "total_characters": self.total_characters,
        }
