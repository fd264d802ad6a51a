"""The rows that the pipeline really trains on: slices for missing files, and rows dropped in silence.

As chat_completion_datapreprocess of version 0.0.82 does it (read in Azure/azureml-assets): without a
validation or test file, parts of the train file stand in for them, unshuffled, cut at the nearest row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]

FEWEST = 10
_PARTS = ("train", "validation", "test")
_LEAST_MESSAGES = 2


class BadRows(Exception):
    """The data can't be trained on; the message names file and line."""


@dataclass(frozen=True)
class Slice:
    """A part of a file, in per cent of its rows."""

    file: str
    start: int = 0
    end: int = 100

    def bounds(self, rows: int) -> tuple[int, int]:
        """Return the first row and the row behind the last, each cut at the nearest."""
        return round(self.start * rows / 100), round(self.end * rows / 100)


def slices(given: set[str]) -> dict[str, Slice]:
    """Return what trains, validates and tests, for the files that are `given`.

    Raises:
        BadRows: there is no train file.

    """
    if "train" not in given:
        raise BadRows("train_file_path is missing: there is nothing to train on.")
    whole = {part: Slice(part) for part in _PARTS if part in given}
    if len(whole) == len(_PARTS):
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


def prepare(files: dict[str, Path], target: Path) -> dict[str, int]:
    """Write train.jsonl, validation.jsonl and test.jsonl into `target` and return how many rows each has.

    Raises:
        BadRows: a line is no JSON object, or fewer than ten train rows are left.

    """
    target.mkdir(parents=True, exist_ok=True)
    totals = {part: sum(1 for _ in _lines(path)) for part, path in files.items()}
    counts = {}
    for part, piece in slices(set(files)).items():
        bounds = piece.bounds(totals[piece.file])
        counts[part] = _write(files[piece.file], bounds, target / f"{part}.jsonl")
    if counts["train"] < FEWEST:
        raise BadRows(f"{counts['train']} train rows are left; the pipeline needs at least {FEWEST}.")
    return counts


def _write(source: Path, bounds: tuple[int, int], target: Path) -> int:
    kept = 0
    with target.open("w", encoding="utf-8") as out:
        for place, (number, line) in enumerate(_lines(source)):
            row = _row(source, number, line) if bounds[0] <= place < bounds[1] else None
            if row is not None:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                kept += 1
    return kept


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise BadRows(f"{path.name} is not UTF-8: {error}.") from error


def _row(source: Path, number: int, line: str) -> Json | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRows(f"{source.name} line {number} is no JSON: {error}.") from error
    if row is None:
        return None
    if not isinstance(row, dict) or "messages" not in row:
        raise BadRows(f"{source.name} line {number} has no 'messages'.")
    messages = row["messages"]
    if not isinstance(messages, list) or len(messages) < _LEAST_MESSAGES:
        return None
    kept: Json = {"messages": [_without_nulls(message) for message in messages]}
    if "tools" in row:
        kept["tools"] = row["tools"]
    return kept


def _without_nulls(message: object) -> object:
    if isinstance(message, dict):
        return {key: value for key, value in message.items() if value is not None}
    return message
