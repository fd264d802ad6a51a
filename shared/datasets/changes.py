"""What is new in a data set since an earlier one of the same recipe."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads it at run time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.datasets.findings import Findings
from shared.datasets.rowcounts import Rows  # noqa: TC001 - msgspec reads it at run time
from shared.datasets.sketch import Share, overlap

if TYPE_CHECKING:
    from shared.datasets.report import Report
    from shared.datasets.sketch import Overlap

ALMOST = 0.02  # of the rows new, and as many gone: less is almost the same
CODE = "DT701"


@dataclass(frozen=True)
class Size:
    """A data set in figures.

    languages: their shares of the sampled rows; counted_by: whose tokens they are, null: an estimate.
    """

    rows: Rows
    characters: int
    tokens: int
    languages: Mapping[str, float]
    counted_by: str | None = None


@dataclass(frozen=True)
class Changes:
    """What is new. name: of the earlier data set; compared: rows of today's that the shares are taken from.

    new, kept: shares of today's rows; gone: of the earlier ones; new_questions: of today's first questions;
    each with its interval, for all but small sets are compared by their sketches (method). same: the very
    same rows in the same order.
    """

    name: str
    method: str
    compared: int
    exact: bool
    same: bool
    new: Share
    kept: Share
    gone: Share
    new_questions: Share
    then: Size
    now: Size


def compared(
    report: Report, earlier: Report, name: str, severities: Mapping[str, str] | None = None
) -> Report:
    """Say in the report what is new since an earlier one; a warning where that is next to nothing.

    Reports without sketches, or with sketches of another method, cannot be compared: nothing is said then.
    """
    mine, its = report.sketch, earlier.sketch
    if mine is None or its is None or mine.method != its.method or not (mine.rows and its.rows):
        return report
    rows, asked = overlap(its.rows, mine.rows), overlap(its.questions, mine.questions)
    changes = Changes(
        name=name,
        method=mine.method,
        compared=rows.now,
        exact=rows.exact,
        same=report.data_digest == earlier.data_digest,
        new=rows.new,
        kept=rows.kept,
        gone=rows.gone,
        new_questions=asked.new,
        then=_size(earlier),
        now=_size(report),
    )
    report = replace(report, since=changes)
    return _warned(report, changes, severities or {}) if _almost(rows) else report


def _almost(rows: Overlap) -> bool:
    return bool(rows.now) and rows.new.value <= ALMOST and rows.gone.value <= ALMOST


def _warned(report: Report, changes: Changes, severities: Mapping[str, str]) -> Report:
    findings = Findings(severities)
    fatal = findings.add(CODE, None, _found(changes))
    report = replace(
        report,
        findings=(*findings.kept, *report.findings),
        counts={**report.counts, **findings.counts},
    )
    if fatal and report.verdict != "rejected":
        return replace(report, verdict="rejected", reason=f"the data set is {_found(changes)}")
    return report


def _found(changes: Changes) -> str:
    if changes.same:
        return f"the same rows in the same order as {changes.name}"
    return f"almost the same as {changes.name}: {sentence(changes)}"


def sentence(changes: Changes) -> str:
    """Tell in one line what is new."""
    new, gone = (percent(share) for share in (changes.new, changes.gone))
    return f"{new} of the rows are new, {gone} of the earlier ones are gone"


def newer(changes: Changes) -> str:
    """Tell the same with what it is held against."""
    return f"since {changes.name}: {sentence(changes)}"


def percent(share: Share) -> str:
    """Give a share in percent, with its interval where it is an estimate."""
    if share.low == share.high:
        return f"{share.value:.1%}"
    return f"about {share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def _size(report: Report) -> Size:
    figures = report.statistics
    counted = sum(count for _code, count in figures["languages"])
    languages = {code: count / counted for code, count in figures["languages"]}
    counted_by = None if report.tokens is None else report.tokens["counted_by"]
    tokens = figures["estimated_tokens"]
    return Size(report.rows, figures["total_characters"], tokens, languages, counted_by)
