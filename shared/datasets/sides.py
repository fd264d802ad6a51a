"""What held-out files ask, so that no question stands on two sides: learnt by heart it would test nothing.

A row's question is part of it, so that the same row on two sides is found by its question too. Kept are 16
bytes for each row of a held-out file, and nothing of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD = np.uint64(32)
LOW = np.uint64(0xFFFF_FFFF)


@dataclass(frozen=True)
class _Side:
    """A file's questions, sorted, and of each the line (upper half) and half of the whole row's hash."""

    name: str
    questions: NDArray[np.uint64]
    notes: NDArray[np.uint64]

    def among(self, questions: NDArray[np.uint64]) -> NDArray[np.bool_]:
        places = np.searchsorted(self.questions, questions)
        places[places == len(self.questions)] = 0
        found: NDArray[np.bool_] = self.questions[places] == questions
        return found

    def first(self, question: int, whole: int) -> str:
        """Say which line asks the same, that of the same row before others."""
        wanted = np.uint64(question)
        begin = int(np.searchsorted(self.questions, wanted, "left"))
        end = int(np.searchsorted(self.questions, wanted, "right"))
        notes = self.notes[begin:end].tolist()
        same = [note >> 32 for note in notes if note & int(LOW) == whole & int(LOW)]
        what = "the same row" if same else "the same first question"
        return f"{what} as in line {min(same or [note >> 32 for note in notes])} of {self.name}"


class Sides:
    """The held-out files read so far."""

    def __init__(self) -> None:
        self._sides: list[_Side] = []
        self._questions: list[NDArray[np.uint64]] = []
        self._notes: list[NDArray[np.uint64]] = []

    def note(
        self, questions: NDArray[np.uint64], whole: NDArray[np.uint64], lines: NDArray[np.uint64]
    ) -> None:
        """Take rows of the held-out file that is being read; lines: from 1."""
        self._questions.append(questions)
        self._notes.append((lines << WORD) | (whole & LOW))

    def close(self, name: str) -> None:
        """Take the file as read: from now on no other may ask what it asks."""
        if not self._questions:
            return
        questions, notes = np.concatenate(self._questions), np.concatenate(self._notes)
        self._questions, self._notes = [], []
        if len(questions):
            order = np.argsort(questions, kind="stable")
            self._sides.append(_Side(name, questions[order], notes[order]))

    def among(self, questions: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell of each question whether a file read before asks it."""
        found = np.zeros(len(questions), np.bool_)
        for side in self._sides:
            found |= side.among(questions)
        return found

    def where(self, question: int, whole: int) -> str:
        """Say where a question that is among them stands, and whether with the same row."""
        wanted = np.asarray([question], np.uint64)
        side = next(side for side in self._sides if side.among(wanted)[0])
        return side.first(question, whole)
