"""Findings by code, as a page shows them: the errors first, then what is found most often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.datasets.findings import Finding
    from shared.datasets.report import Report

MOST_EXAMPLES, MOST_LINES, MOST_OPEN = 5, 20, 8
TONES = {"error": "bad", "warn": "fair"}
WORDS = {"error": "error", "warn": "warning"}


@dataclass(frozen=True)
class Example:
    """One finding. where: a line, or the file."""

    where: str
    found: str


@dataclass(frozen=True)
class Group:
    """All findings of a code. open: shown at once, for a person reads no fifty of them."""

    code: str
    severity: str
    tone: str
    times: str
    expected: str
    help: str
    page: str
    examples: Sequence[Example]
    more: str
    open: bool


def groups(report: Report) -> list[Group]:
    """Group a report's findings."""
    kept: dict[str, list[Finding]] = {}
    for found in report.findings:
        kept.setdefault(found.code, []).append(found)
    ordered = sorted(
        kept.items(), key=lambda one: (one[1][0].severity != "error", -report.counts[one[0]], one[0])
    )
    return [
        _group(found, report.counts[code], place < MOST_OPEN) for place, (code, found) in enumerate(ordered)
    ]


def _group(found: list[Finding], count: int, open_: bool) -> Group:  # noqa: FBT001 - private, one call
    first = found[0]
    return Group(
        code=first.code,
        severity=WORDS[first.severity],
        tone=TONES[first.severity],
        times="once" if count == 1 else f"{count:,} times",
        expected=first.expected,
        help=first.help,
        page=f"docs/checks/{first.code}.md",
        examples=[Example(one.where, one.found) for one in found[:MOST_EXAMPLES]],
        more=_more(found[MOST_EXAMPLES:], count - MOST_EXAMPLES),
        open=open_,
    )


def _more(rest: Iterable[Finding], count: int) -> str:
    lines = [one.where if one.file else str(one.line) for one in rest if one.line][:MOST_LINES]
    if not lines:
        return f"and {count:,} more" if count > 0 else ""
    word = "" if lines[0].startswith("line") else "lines " if count > 1 else "line "
    return f"and {count:,} more: {word}{' · '.join(lines)}{' …' * (count > len(lines))}"
