"""How the command line talks: tables and sentences for people, one JSON document for programs."""

from __future__ import annotations

import io
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from shared.domain.errors import Problem


def safe(text: object) -> str:
    """Show control characters instead of obeying them: names and reasons may come from anyone."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def spell_out() -> None:
    """Let characters that this terminal or pipe has no code for be spelled out, in place of a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def as_json(value: object) -> None:
    """Print one JSON document on one line."""
    print(json.dumps(value, default=str), flush=True)


def lines(texts: Iterable[str]) -> None:
    """Print lines for a person."""
    for text in texts:
        say(text)


def say(text: str) -> None:
    """Print a line for a person."""
    print(safe(text), flush=True)


def progress(text: str) -> None:
    """Print a line about what goes on, where it does not get into a program's way."""
    print(safe(text), file=sys.stderr, flush=True)


@contextmanager
def bar(what: str, whole: int) -> Iterator[Callable[[int], None]]:
    """Show how far work on `whole` bytes has come, where a person looks on."""
    shown = -1

    def show(done: int) -> None:
        nonlocal shown
        percent = min(100, 100 * done // max(whole, 1))
        if percent > shown and sys.stderr.isatty():
            shown = percent
            sys.stderr.write(f"\r{safe(what)} [{'#' * (percent // 4):<25}] {percent:3} %")
            sys.stderr.flush()

    try:
        yield show
    finally:  # what comes next, an error or a prompt, has a line of its own
        if shown >= 0:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def fault(problem: Problem) -> None:
    """Print an error in one line that a person can act on."""
    progress(f"droptune: {problem}".replace("\n", " "))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows in columns as wide as their widest cell."""
    cells = [[safe("" if row.get(c) is None else row.get(c)) for c in columns] for row in rows]
    widths = [max(len(c), *(len(line[i]) for line in cells), 0) for i, c in enumerate(columns)]
    for line in [[c.upper() for c in columns], *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
