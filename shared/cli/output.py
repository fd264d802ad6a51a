"""How the command line talks: tables and sentences for people, one JSON document for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.domain.errors import Problem


def safe(text: object) -> str:
    """Show control characters instead of obeying them: names and reasons may come from anyone."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def as_json(value: object) -> None:
    """Print one JSON document on one line."""
    print(json.dumps(value, default=str), flush=True)


def say(text: str) -> None:
    """Print a line for a person."""
    print(safe(text), flush=True)


def progress(text: str) -> None:
    """Print a line about what goes on, where it does not get into a program's way."""
    print(safe(text), file=sys.stderr, flush=True)


def fault(problem: Problem) -> None:
    """Print an error in one line that a person can act on."""
    progress(f"droptune: {problem}".replace("\n", " "))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows in columns as wide as their widest cell."""
    cells = [[safe("" if row.get(c) is None else row.get(c)) for c in columns] for row in rows]
    widths = [max(len(c), *(len(line[i]) for line in cells), 0) for i, c in enumerate(columns)]
    for line in [[c.upper() for c in columns], *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
