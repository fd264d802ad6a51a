"""Curves as plain lines to draw: scaled points, ticks and words, and no mark-up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Points = Sequence[tuple[int, float]]

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 28
TICKS = 4
FEW = 60  # points that are shown as dots too
PLOTS = (
    ("Loss", (("loss", "training"), ("eval_loss", "held-out rows"))),
    ("Learning rate", (("learning_rate", "learning rate"),)),
    ("Gradient norm", (("grad_norm", "gradient norm"),)),
)


@dataclass(frozen=True)
class Line:
    """One curve. points: `x,y` pairs for a polyline; dots: those shown as dots; last: its last value."""

    key: str
    label: str
    points: str
    dots: tuple[tuple[float, float], ...]
    last: str


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, at a distance from the left or the top."""

    at: float
    text: str


@dataclass(frozen=True)
class Plot:
    """Lines over the same steps. told: the plot in a sentence, for those who do not see it."""

    title: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    told: str


def plots(curves: Mapping[str, Points]) -> Iterator[Plot]:
    """Draw what there is of the losses, the learning rate and the gradient's norm."""
    for title, named in PLOTS:
        there = {key: curves[key] for key, _label in named if curves.get(key)}
        if there:
            yield _plot(title, there, dict(named))


def _plot(title: str, there: Mapping[str, Points], labels: Mapping[str, str]) -> Plot:
    steps = [step for points in there.values() for step, _value in points]
    values = [value for points in there.values() for _step, value in points]
    first, last = min(steps), max(steps)
    low, high = _padded(min(values), max(values))

    def x(step: float) -> float:
        return round(LEFT + (step - first) / max(last - first, 1) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    for key, points in there.items():
        spots = tuple((x(step), y(value)) for step, value in points)
        drawn = " ".join(f"{across},{up}" for across, up in spots)
        dots = spots if len(spots) <= FEW else ()
        lines.append(Line(key, labels[key], drawn, dots, f"{points[-1][1]:.4g}"))
    marks = dict.fromkeys((first, (first + last) // 2, last))
    told = "; ".join(f"{line.label} ends at {line.last}" for line in lines)
    return Plot(
        title=title,
        lines=tuple(lines),
        across=tuple(Tick(x(step), f"{step:,}") for step in marks),
        up=tuple(Tick(y(value), f"{value:.3g}") for value in _ticks(low, high)),
        told=f"{title} over steps {first:,} to {last:,}: {told}.",
    )


def _padded(low: float, high: float) -> tuple[float, float]:
    """Leave a little room above and below, and some height to a flat line."""
    room = (high - low) * 0.05 or max(abs(high), 1e-9) * 0.1
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Choose round values inside the range."""
    raw = (high - low) / TICKS
    size = 10 ** math.floor(math.log10(raw))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= raw)
    first = math.ceil(low / step)
    return [round(number * step, 12) for number in range(first, math.floor(high / step) + 1)]
