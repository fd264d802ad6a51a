"""The rows looked at more closely than all can be: those whose question has the lowest hash.

The choice does not hang on the order of rows nor on how the file is cut; rows that ask the same are chosen
together, so that near copies are found together.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.datasets.examined import Sampled

ROWS = 2000
MOST_BYTES = 32 << 20


class Sample:
    """At most ROWS rows and MOST_BYTES of their characters."""

    def __init__(self, rows: int = ROWS, most: int = MOST_BYTES) -> None:
        self._rows, self._most = rows, most
        self._heap: list[tuple[int, int, int, Sampled]] = []
        self._held = 0
        self.below = 1 << 64

    def add(self, row: Sampled, line: int) -> None:
        """Offer a row; line: its number in the file."""
        if row.question >= self.below:
            return
        heapq.heappush(self._heap, (-row.question, -row.whole, -line, row))
        self._held += _size(row)
        while len(self._heap) > self._rows or (self._held > self._most and len(self._heap) > 1):
            highest = heapq.heappop(self._heap)[3]
            self._held -= _size(highest)
            self.below = min(self.below, highest.question + 1)

    def rows(self) -> list[tuple[int, Sampled]]:
        """Give the rows chosen with their line numbers, in the order of the file."""
        return sorted(((-line, row) for _question, _whole, line, row in self._heap), key=lambda one: one[0])


def _size(row: Sampled) -> int:
    return sum(len(message.content) for message in row.messages)
