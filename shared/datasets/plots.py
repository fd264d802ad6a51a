"""The plots of a report's page, as numbers for SVG: a hundred units wide, whatever the screen's width."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shared.datasets.figures import Spread, Tokenized
    from shared.datasets.report import Report

MOST_LANGUAGES = 8
HEIGHT = 40.0
GAP, WIDEST = 0.12, 12.0  # between columns, of one's room; a column's width


@dataclass(frozen=True)
class Part:
    """A part of a stacked bar. tone: its class in style.css."""

    label: str
    tone: str
    count: str
    percent: str
    x: float
    width: float


@dataclass(frozen=True)
class Bar:
    """A bar with its label."""

    label: str
    count: str
    width: float


@dataclass(frozen=True)
class Column:
    """A column of a histogram, from the top down as SVG has it."""

    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Plot:
    """One plot: a stack, columns or bars. ends: what stands under the first and the last column."""

    name: str
    note: str
    stack: Sequence[Part] = ()
    columns: Sequence[Column] = ()
    bars: Sequence[Bar] = ()
    ends: tuple[str, str] = ("", "")
    wide: bool = False


def plots(report: Report) -> Iterator[Plot]:
    """Draw what the statistics hold; nothing where no row was accepted."""
    rows, figures = report.rows, report.statistics
    if not rows.total:
        return
    where = [
        ("train", "train", rows.train),
        ("validation", "validation", rows.validation),
        ("test", "test", rows.test),
        ("copies", "copies", rows.duplicates),
        ("refused", "refused", rows.refused),
    ]
    yield Plot(
        "Where the rows go", "The same question never stands in two parts.", stack=stack(where), wide=True
    )
    if not rows.accepted:
        return
    yield _histogram("Characters of a chat", figures["characters"])
    yield _histogram("Messages of a chat", figures["turns"])
    if report.tokens is not None and report.tokens["histogram"]:  # empty where counting was given up
        yield _tokens(report.tokens)
    yield _copies(report)
    if figures["languages"]:
        bars = _bars(figures["languages"][:MOST_LANGUAGES])
        yield Plot("Languages", f"Guessed from some of {figures['sampled']:,} sampled rows.", bars=bars)


def stack(parts: Sequence[tuple[str, str, float]]) -> list[Part]:
    """Lay parts, given as label, tone and size, end to end; empty ones are left out."""
    whole, drawn, x = sum(size for _label, _tone, size in parts), [], 0.0
    for label, tone, size in parts:
        if size:
            width = 100 * size / whole
            drawn.append(Part(label, tone, f"{size:,}", percent(size / whole), round(x, 3), round(width, 3)))
            x += width
    return drawn


def shares(parts: Sequence[tuple[str, str, float]]) -> list[Part]:
    """Lay shares end to end, without counts: they may be estimates."""
    return [replace(part, count="") for part in stack(parts)]


def percent(share: float) -> str:
    """Give a share in percent; what is not nothing never reads as nothing, nor what is not all as all."""
    text = f"{share:.1%}"
    if share > 0 and text == "0.0%":
        return "under 0.1%"
    return "over 99.9%" if share < 1 and text == "100.0%" else text


def _copies(report: Report) -> Plot:
    rows, figures = report.rows, report.statistics
    sampled, near = figures["sampled"], figures["near_copies"]
    parts = [("different", "kept", rows.accepted), ("exact copies, left out", "copies", rows.duplicates)]
    share = f" ({percent(near / sampled)})" if sampled else ""
    note = f"{near:,} of {sampled:,} sampled rows{share} are near copies of another; they were kept."
    return Plot("Copies", note, stack=stack(parts))


def _bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    most = max(count for _label, count in counts)
    return [Bar(label, f"{count:,}", round(100 * count / most, 3)) for label, count in counts]


def _tokens(tokens: Tokenized) -> Plot:
    """Draw the tokens of the sampled chats; those beyond the limit are told in words."""
    parts = [f"5 % up to {tokens['p5']:,} · median {tokens['median']:,} · 95 % up to {tokens['p95']:,}"]
    if tokens["limit"]:
        cut = f"{tokens['over_limit']:,} {'is' if tokens['over_limit'] == 1 else 'are'} cut"
        parts.append(f"Azure ML cuts after {tokens['limit']:,}: {cut}")
    name = "Tokens of a chat" if tokens["counted_by"] else "Tokens of a chat, estimated"
    ends = _ends(tokens["min"], tokens["max"])
    return Plot(name, ". ".join(parts) + ".", columns=_columns(*_buckets(tokens["histogram"])), ends=ends)


def _histogram(name: str, spread: Spread) -> Plot:
    """Draw a histogram: by number where numbers are few, else by powers of √2."""
    if spread["exact"]:
        counts, labels = dict(spread["exact"]), {size: f"{size:,}" for size, _count in spread["exact"]}
    else:
        counts, labels = _buckets(spread["histogram"])
    note = f"median {spread['median']:,} · 95 % at most {spread['p95']:,}"
    ends = _ends(spread["min"], spread["max"])
    return Plot(name, note, columns=_columns(counts, labels), ends=ends)


def _buckets(histogram: Sequence[tuple[int, int]]) -> tuple[dict[int, int], dict[int, str]]:
    """Give what stands in each bucket, a power of √2, and what it is called."""
    counts = {_place(bound): count for bound, count in histogram}
    return counts, {place: f"{_bound(place - 1):,} to {_bound(place):,}" for place in counts}


def _ends(least: int, most: int) -> tuple[str, str]:
    return (f"all {least:,}", "") if least == most else (f"least {least:,}", f"most {most:,}")


def _columns(counts: Mapping[int, int], labels: Mapping[int, str]) -> list[Column]:
    """Stand a column at each place; places that hold nothing stay free."""
    first, last, most = min(counts), max(counts), max(counts.values())
    room = 100 / (last - first + 1)
    width = min(room * (1 - GAP), WIDEST)
    columns = []
    for place, count in sorted(counts.items()):
        height = max(HEIGHT * count / most, 0.4)
        x, y = (place - first) * room + (room - width) / 2, HEIGHT - height
        label = f"{labels[place]}: {count:,}"
        columns.append(Column(label, round(x, 3), round(y, 3), round(width, 3), round(height, 3)))
    return columns


def _place(bound: int) -> int:
    return round(2 * math.log2(bound))


def _bound(place: int) -> int:
    return round(2 ** (place / 2))
