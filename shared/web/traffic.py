"""The traffic over time as plain steps to draw: shares from the history, no mark-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.web.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Tick

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.run import Run

WHOLE = 100
SHOWN = (0, 50, 100)


@dataclass(frozen=True)
class Share:
    """One deployment's share. points: `x,y` pairs of its steps; key: `challenger`, or `other`."""

    key: str
    label: str
    points: str
    last: str


@dataclass(frozen=True)
class Traffic:
    """Shares over time. told: the plot in a sentence, for those who do not see it."""

    lines: tuple[Share, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    told: str


def drawn(run: Run) -> Traffic | None:
    """Draw the shares that the history tells of; None where it tells of none."""
    seen = _seen(run)
    if not seen:
        return None
    first, last = seen[0][0], max(seen[-1][0], run.updated)
    span = max((last - first).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return round(LEFT + (at - first).total_seconds() / span * (WIDTH - LEFT - RIGHT), 1)

    names = dict.fromkeys(name for _at, shares in seen for name in shares)
    lines = tuple(
        Share(
            key="challenger" if name == run.deployment else "other",
            label=f"{name} (this run)" if name == run.deployment else name,
            points=_steps([(x(at), shares.get(name, 0)) for at, shares in seen], x(last)),
            last=f"{seen[-1][1].get(name, 0)} %",
        )
        for name in names
    )
    marks = dict.fromkeys(at for at, _shares in (seen[0], seen[-1]))
    told = "; ".join(f"{line.label} ends at {line.last}" for line in lines)
    return Traffic(
        lines=lines,
        across=tuple(Tick(x(at), f"{at:%H:%M:%S}") for at in marks),
        up=tuple(Tick(_y(share), f"{share} %") for share in SHOWN),
        told=f"Traffic from {first:%F %T} to {last:%F %T} UTC: {told}.",
    )


def _seen(run: Run) -> list[tuple[datetime, dict[str, int]]]:
    """List when which shares were seen."""
    found = [(change.at, change.figures.get("traffic")) for change in run.history]
    return [
        (at, {str(k): int(v) for k, v in shares.items()}) for at, shares in found if isinstance(shares, dict)
    ]


def _steps(points: list[tuple[float, int]], end: float) -> str:
    """Hold each share until the next one is seen, and the last to the end."""
    corners = []
    for number, (across, share) in enumerate(points):
        until = points[number + 1][0] if number + 1 < len(points) else end
        corners += [f"{across},{_y(share)}", f"{until},{_y(share)}"]
    return " ".join(corners)


def _y(share: float) -> float:
    return round(TOP + (WHOLE - share) / WHOLE * (HEIGHT - TOP - BOTTOM), 1)
