"""What is new since an earlier data set, as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.datasets.changes import percent, sentence
from shared.datasets.findings import shown
from shared.datasets.plots import shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.datasets.changes import Changes, Size
from shared.datasets.plots import Part

MOST_LANGUAGES = 5
MANY = 10  # times as many: percents say nothing any more
SHIFT = 0.005  # a language's share that moved by less has not


@dataclass(frozen=True)
class Line:
    """One figure, then and now."""

    label: str
    then: str
    now: str
    change: str


@dataclass(frozen=True)
class Newness:
    """The section's words, bar and table."""

    name: str
    sentence: str
    questions: str
    stack: Sequence[Part]
    lines: Sequence[Line]
    note: str


def newness(changes: Changes) -> Newness:
    """Put changes into words and figures."""
    return Newness(
        name=shown(changes.name),
        sentence="the very same rows in the same order" if changes.same else sentence(changes),
        questions=percent(changes.new_questions),
        stack=shares([("kept", "kept", changes.kept.value), ("new", "new", changes.new.value)]),
        lines=[*_figures(changes.then, changes.now), *_languages(changes.then, changes.now)],
        note=_note(changes),
    )


def _note(changes: Changes) -> str:
    if changes.exact:
        return "Every row was compared."
    return (
        f"An estimate from {changes.compared:,} rows of this data set ({changes.method}); in brackets the"
        " interval that holds the true share in 95 cases of 100."
    )


def _figures(then: Size, now: Size) -> Iterator[Line]:
    for label, one, other in (
        ("rows", then.rows.total, now.rows.total),
        ("refused", then.rows.refused, now.rows.refused),
        ("exact copies", then.rows.duplicates, now.rows.duplicates),
        ("train", then.rows.train, now.rows.train),
        ("validation", then.rows.validation, now.rows.validation),
        ("test", then.rows.test, now.rows.test),
        ("characters", then.characters, now.characters),
    ):
        yield Line(label, f"{one:,}", f"{other:,}", _change(one, other))
    alike = then.counted_by == now.counted_by  # figures of two tokenizers are not to be compared
    label = "tokens" if alike and now.counted_by else "tokens (estimate)"
    moved = _change(then.tokens, now.tokens) if alike else "counted otherwise"
    yield Line(label, f"{then.tokens:,}", f"{now.tokens:,}", moved)


def _languages(then: Size, now: Size) -> Iterator[Line]:
    most = sorted(
        {*then.languages, *now.languages},
        key=lambda code: (-max(then.languages.get(code, 0), now.languages.get(code, 0)), code),
    )
    for code in most[:MOST_LANGUAGES]:
        one, other = then.languages.get(code, 0), now.languages.get(code, 0)
        moved = f"{100 * (other - one):+.1f} points" if abs(other - one) >= SHIFT else "="
        yield Line(f"language {code}", f"{one:.1%}", f"{other:.1%}", moved)


def _change(one: int, other: int) -> str:
    if one == other:
        return "="
    if not one:
        return f"+{other:,}"
    return f"{other / one:,.0f} times" if other > MANY * one else f"{(other - one) / one:+.1%}"
