"""How many rows there were, and where they went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rows:
    """Counts. refused: by an error; duplicates: left out; the parts are those after the split."""

    total: int
    accepted: int
    refused: int
    duplicates: int
    train: int
    validation: int
    test: int
