"""Which part a row goes to: by hash, so that a question never stands on two sides and a row never moves.

Rows stream straight to their part. Held back are only the train rows with the lowest hashes, in case a part
stays too small, and all rows while fewer than three different questions have been seen.
"""

from __future__ import annotations

import heapq
import math
import tempfile
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import xxhash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTS = ("train", "validation", "test")
FEWEST_QUESTIONS = 3
RESERVED_GROUPS = 48
RESERVED_BYTES = 32 << 20
SPOOL_BYTES = 8 << 20
WHOLE = float(1 << 64)


class Write(Protocol):
    """Where a part's rows go."""

    def __call__(self, part: str, row: bytes) -> None:
        """Write one row to a part."""


@dataclass(frozen=True)
class Fractions:
    """The shares of rows that are held out."""

    validation: float
    test: float

    def part(self, key: int) -> str:
        """Tell the part of a hash."""
        share = key / WHOLE
        if share < self.test:
            return "test"
        return "validation" if share < self.test + self.validation else "train"


class Splitter:
    """Takes rows one by one; `finish` fills small parts up and says which."""

    def __init__(self, fractions: Fractions, write: Write) -> None:
        self._fractions, self._write_row = fractions, write
        self.counts = dict.fromkeys(PARTS, 0)
        self.whole_rows = False
        self.filled: list[str] = []
        self._first: set[int] = set()
        self._spool: tempfile.SpooledTemporaryFile[bytes] | None = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed when it is drained
            SPOOL_BYTES
        )
        self._keys = array("Q")
        self._reserve: dict[int, list[tuple[int, bytes]]] = {}
        self._heap: list[int] = []
        self._reserved = 0
        self._below = 1 << 64
        self._order = 0

    def add(self, question: str, row: bytes) -> None:
        """Take one row; question: what decides its part; row: without its line end."""
        key = xxhash.xxh3_64_intdigest(question.encode())
        if self._spool is None:
            self._place(key, row)
            return
        self._first.add(key)
        self._spool.write(row + b"\n")
        self._keys.append(key)
        if len(self._first) >= FEWEST_QUESTIONS:
            self._drain(lambda key, _row: key)

    def finish(self) -> None:
        """Place what is held back."""
        if self._spool is not None:
            self.whole_rows = bool(self._keys)
            self._drain(lambda _key, row: xxhash.xxh3_64_intdigest(row))
        rows = sum(self.counts.values()) + sum(map(len, self._reserve.values()))
        fewest = max(2, min(20, math.ceil(rows * 0.05)))
        groups = sorted(self._reserve)
        for part in self._held_out():
            while self.counts[part] < fewest and groups and self._leaves_train(groups):
                for _order, row in self._reserve.pop(groups.pop(0)):
                    self._write(part, row)
                if part not in self.filled:
                    self.filled.append(part)
        for _order, row in sorted(one for group in self._reserve.values() for one in group):
            self._write("train", row)

    def _held_out(self) -> Iterator[str]:
        if self._fractions.test:
            yield "test"
        if self._fractions.validation:
            yield "validation"

    def _leaves_train(self, groups: list[int]) -> bool:
        return len(groups) > 1 or self.counts["train"] > 0

    def _drain(self, key_of: Callable[[int, bytes], int]) -> None:
        spool, keys = self._spool, self._keys
        self._spool, self._keys = None, array("Q")
        if spool is None:
            return
        spool.seek(0)
        for key, line in zip(keys, spool, strict=True):
            row = line[:-1]
            self._place(key_of(key, row), row)
        spool.close()

    def _place(self, key: int, row: bytes) -> None:
        part = self._fractions.part(key)
        if part != "train" or key >= self._below:
            self._write(part, row)
            return
        self._order += 1
        group = self._reserve.get(key)
        if group is None:
            group = self._reserve[key] = []
            heapq.heappush(self._heap, -key)
        group.append((self._order, row))
        self._reserved += len(row)
        while len(self._reserve) > RESERVED_GROUPS or self._reserved > RESERVED_BYTES:
            self._release()

    def _release(self) -> None:
        """Let the highest hash held back go to train, and from now on every hash from there up."""
        highest = -heapq.heappop(self._heap)
        self._below = highest
        for _order, row in self._reserve.pop(highest):
            self._reserved -= len(row)
            self._write("train", row)

    def _write(self, part: str, row: bytes) -> None:
        self.counts[part] += 1
        self._write_row(part, row)


class SeenRows:
    """A set of 64-bit hashes in a flat table: 12 to 24 bytes a row, where Python's own set takes 60."""

    def __init__(self) -> None:
        self._table = array("Q", bytes(8 * 1024))
        self._count = 0

    def add(self, row: bytes) -> bool:
        """Remember a row; tell whether it was new. Two rows share a hash once in 2^64."""
        value = xxhash.xxh3_64_intdigest(row) or 1
        if not self._put(self._table, value):
            return False
        self._count += 1
        if self._count * 3 > len(self._table) * 2:
            larger = array("Q", bytes(8 * 2 * len(self._table)))
            for old in self._table:
                if old:
                    self._put(larger, old)
            self._table = larger
        return True

    @staticmethod
    def _put(table: array[int], value: int) -> bool:
        mask = len(table) - 1
        slot = value & mask
        while table[slot]:
            if table[slot] == value:
                return False
            slot = (slot + 1) & mask
        table[slot] = value
        return True
