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

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy.typing import NDArray

PARTS = ("test", "validation", "train")
TRAIN = PARTS.index("train")
HELD_OUT = PARTS[:TRAIN]  # never empty, whatever the fractions: Azure ML takes no file without rows
FEWEST_QUESTIONS = 3
RESERVED_GROUPS = 48
RESERVED_CHARACTERS = 16 << 20
SPOOL_BYTES = 8 << 20
WHOLE = 1 << 64


class Write(Protocol):
    """Where a part's rows go."""

    def __call__(self, part: str, rows: Sequence[bytes]) -> None:
        """Write rows to a part."""


@dataclass(frozen=True)
class Fractions:
    """The shares of rows that are held out."""

    validation: float
    test: float

    def parts(self, keys: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Tell the part of each hash, as a place in PARTS."""
        ends = [round(self.test * WHOLE), round((self.test + self.validation) * WHOLE)]
        bounds = np.asarray([min(end, WHOLE - 1) for end in ends], np.uint64)
        return np.searchsorted(bounds, keys, side="right")


@dataclass(frozen=True)
class Chosen:
    """Rows to be placed. question, whole: hashes; characters: sizes; data: the bytes, or nothing."""

    question: NDArray[np.uint64]
    whole: NDArray[np.uint64]
    characters: NDArray[np.uint32]
    data: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.question)

    def row(self, place: int) -> bytes:
        """Give a row's bytes."""
        return self.data[place] if self.data else b""


@dataclass(frozen=True)
class _Held:
    order: int
    characters: int
    row: bytes


class Splitter:
    """Takes rows in their order; `finish` fills small parts up and says which.

    given: parts that come as they are, by `put`; nothing is split off for them.
    """

    def __init__(self, fractions: Fractions, write: Write, given: Collection[str] = ()) -> None:
        shares = {part: getattr(fractions, part) for part in HELD_OUT if part not in given}
        self._fractions, self._write_rows = Fractions(**({"validation": 0.0, "test": 0.0} | shares)), write
        self._held_out = tuple(shares)
        self.counts = dict.fromkeys(PARTS, 0)
        self.whole_rows = False
        self.filled: list[str] = []
        self._start: _Start | None = _Start()
        self._reserve: dict[int, list[_Held]] = {}
        self._heap: list[int] = []
        self._reserved = 0
        self._below = WHOLE
        self._order = 0

    def add(self, rows: Chosen) -> None:
        """Place rows, but hold all back while fewer than three questions have been seen."""
        if self._start is None:
            self._place(rows.question, rows)
        elif self._start.add(rows):
            self._drain(lambda held: held.question)

    def put(self, part: str, rows: Chosen) -> None:
        """Let rows go where they were put; no hash is asked."""
        self._write(part, rows.data or [b""] * len(rows))

    def faults(self) -> Iterator[tuple[str, str]]:
        """Say where there were too few rows to split them as they should be."""
        if self.whole_rows:
            yield "DT107", "fewer than 3 different first questions"
        if self.filled:
            yield "DT108", f"too few rows for {' and '.join(self.filled)}"

    def finish(self) -> None:
        """Place what is held back."""
        if self._start is not None:
            self.whole_rows = bool(len(self._start.question)) and bool(self._held_out)
            self._drain(lambda held: held.whole)
        rows = sum(self.counts.values()) + sum(map(len, self._reserve.values()))
        fewest = max(2, min(20, math.ceil(rows * 0.05)))
        groups = sorted(self._reserve)
        for part in self._held_out:
            while self.counts[part] < fewest and groups and self._leaves_train(groups):
                self._write(part, [held.row for held in self._reserve.pop(groups.pop(0))])
                if part not in self.filled:
                    self.filled.append(part)
        left = sorted((one for group in self._reserve.values() for one in group), key=lambda held: held.order)
        self._write("train", [held.row for held in left])

    def close(self) -> None:
        """Let go what is held back on disk: reading was given up."""
        if self._start is not None:
            self._start.close()

    def _leaves_train(self, groups: list[int]) -> bool:
        return len(groups) > 1 or self.counts["train"] > 0

    def _drain(self, key: Callable[[Chosen], NDArray[np.uint64]]) -> None:
        start, self._start = self._start, None
        for rows in start.rows() if start is not None else ():
            self._place(key(rows), rows)

    def _place(self, keys: NDArray[np.uint64], rows: Chosen) -> None:
        """Write rows to their parts in their order; those with the lowest hashes of train are held back."""
        parts = self._fractions.parts(keys)
        below = np.uint64(min(self._below, WHOLE - 1))
        begin = 0
        for place in np.flatnonzero((parts == TRAIN) & (keys <= below)).tolist():
            if (key := int(keys[place])) < self._below:
                self._direct(parts, rows, begin, place)
                begin = place + 1
                self._hold(key, int(rows.characters[place]), rows.row(place))
        self._direct(parts, rows, begin, len(rows))

    def _direct(self, parts: NDArray[np.intp], rows: Chosen, begin: int, end: int) -> None:
        for part, name in enumerate(PARTS):
            places = np.flatnonzero(parts[begin:end] == part)
            if len(places):
                self._write(name, [rows.row(begin + place) for place in places.tolist()])

    def _hold(self, key: int, characters: int, row: bytes) -> None:
        self._order += 1
        group = self._reserve.get(key)
        if group is None:
            group = self._reserve[key] = []
            heapq.heappush(self._heap, -key)
        group.append(_Held(self._order, characters, row))
        self._reserved += characters
        while len(self._reserve) > RESERVED_GROUPS or self._reserved > RESERVED_CHARACTERS:
            self._release()

    def _release(self) -> None:
        """Let the highest hash held back go to train, and from now on every hash from there up."""
        self._below = -heapq.heappop(self._heap)
        held = self._reserve.pop(self._below)
        self._reserved -= sum(one.characters for one in held)
        self._write("train", [one.row for one in held])

    def _write(self, part: str, rows: Sequence[bytes]) -> None:
        self.counts[part] += len(rows)
        self._write_rows(part, rows)


class _Start:
    """All rows from the file's start until three different questions have been seen, kept on disk."""

    def __init__(self) -> None:
        self.question, self._whole, self._characters = array("Q"), array("Q"), array("I")
        self._seen: set[int] = set()
        self._file = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - closed when it is read

    def add(self, rows: Chosen) -> bool:
        """Keep rows; tell whether three different questions have been seen."""
        self.question.extend(rows.question.tolist())
        self._whole.extend(rows.whole.tolist())
        self._characters.extend(rows.characters.tolist())
        self._seen.update(rows.question.tolist())
        self._file.writelines(row + b"\n" for row in rows.data)
        return len(self._seen) >= FEWEST_QUESTIONS

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def rows(self) -> Iterator[Chosen]:
        """Give all back, in pieces."""
        with self._file as file:
            file.seek(0)
            for begin in range(0, len(self.question), 1000):
                piece = slice(begin, begin + 1000)
                question = np.asarray(self.question[piece], np.uint64)
                data = [line[:-1] for _key, line in zip(question, file, strict=False)]
                whole = np.asarray(self._whole[piece], np.uint64)
                yield Chosen(question, whole, np.asarray(self._characters[piece], np.uint32), data)
