"""What is foretold of a data set, in sentences for people: of the dropped file, and of what was prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.datasets.foretell import Foretold
    from shared.datasets.report import Report

OTHER_FORMAT = "columns"


@dataclass(frozen=True)
class Told:
    """dropped: of the file as it is; lines: its rows; prepared: of what was written; tone: good or bad."""

    tone: str
    dropped: str
    lines: Sequence[str]
    prepared: str


def told(report: Report) -> Told | None:
    """Put a report's prediction into words; None where the file was not read to its end."""
    prediction = report.prediction
    if prediction is None or not prediction.rows:
        return None
    tone = "good" if prediction.outcome == "trains" else "bad"
    return Told(tone, _sentence(prediction.why), list(lines_of(prediction)), _prepared(report))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def lines_of(prediction: Foretold) -> Iterator[str]:
    """Name the rows that are dropped, cut, or nothing to learn from."""
    for what, lines in (
        ("dropped without a word", prediction.dropped_silently),
        ("cut at the limit", prediction.cut),
        ("left with nothing to learn", prediction.nothing_to_learn),
    ):
        if lines.count:
            more = ", …" if lines.count > len(lines.first) else ""
            yield f"{lines.count:,} {what}: lines {', '.join(map(str, lines.first))}{more}"


def _prepared(report: Report) -> str:
    """Say what becomes of the files that were written, in which no row is left to be dropped."""
    if report.verdict == "rejected":
        return ""
    form = ""
    if report.prediction is not None and report.prediction.cause == OTHER_FORMAT:
        form = " are in the pipeline's own format, and"
    every = f"The prepared files{form} train on all their {report.rows.train:,} rows"
    tokens = report.tokens
    if tokens is None or tokens["counted_by"] is None:
        return f"{every}, as far as can be told without the base model's tokenizer."
    epochs = f"{tokens['epochs']:g} epoch{'' if tokens['epochs'] == 1 else 's'}"
    return f"{every}: about {tokens['trained']:,} tokens in {epochs}."
