"""Which rows train, validate and test where a file is missing: parts of the train file stand in for it.

As chat_completion_datapreprocess of version 0.0.82 cuts them (read in Azure/azureml-assets): unshuffled,
written as `datasets` writes slices, which it rounds to the nearest row.
"""

from __future__ import annotations

from dataclasses import dataclass

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Slice:
    """A part of a file, in per cent of its rows."""

    file: str
    start: int = 0
    end: int = 100

    def __str__(self) -> str:
        """Write it as `datasets` does: `train[80%:90%]`, or `train` for the whole file."""
        return "train" if (self.start, self.end) == (0, 100) else f"train[{self.start}%:{self.end}%]"

    def bounds(self, rows: int) -> tuple[int, int]:
        """Return the first row and the row behind the last."""
        return round(self.start * rows / 100), round(self.end * rows / 100)


def slices(given: set[str]) -> dict[str, Slice]:
    """Say what trains, validates and tests, for the files that are `given`; the train file must be."""
    whole = {part: Slice(part) for part in PARTS if part in given}
    if len(whole) == len(PARTS):
        return whole
    if given == {"train", "test"}:
        return {"train": Slice("train", 0, 80), "validation": Slice("train", 80, 100), "test": whole["test"]}
    if given == {"train", "validation"}:
        return {"train": Slice("train", 0, 80), "validation": whole["validation"], "test": Slice("train", 80)}
    return {
        "train": Slice("train", 0, 80),
        "validation": Slice("train", 80, 90),
        "test": Slice("train", 90, 100),
    }
