"""Is a deployment idle? Only where the figures prove it; what is unknown is kept.

Idle: the query succeeded, no foreign request in the window, and a heartbeat. The window ends at the last
whole minute; its start is the latest of the deployment's making, its run's `live` and the last foreign
request. Figures come in late: the minute that is not over proves no quiet, but a request in it is one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MINUTE = timedelta(minutes=1)
SHORT_WINDOW = timedelta(hours=1)
HEARTBEAT_SHARE = 0.9
LONGEST_WINDOW = timedelta(days=30)  # what one metrics call gives at a grain of a minute


@dataclass(frozen=True)
class Traffic:
    """A deployment's figures. requests, own: counts by minute; heartbeat: minutes with a sign of life.

    known: the queries succeeded; since: from where on the figures were asked for.
    """

    known: bool
    requests: Mapping[datetime, float] = field(default_factory=dict)
    own: Mapping[datetime, float] = field(default_factory=dict)
    heartbeat: Sequence[datetime] = ()

    def last_foreign(self) -> datetime | None:
        """Find the end of the last minute with more requests than our own.

        Ours are written down just before they are made, so one may be counted in the minute after its note.
        """
        last, late = None, 0.0
        for at in sorted({*self.requests, *self.own}):
            ours = self.own.get(at, 0.0)
            early = late if at - MINUTE in self.own else 0.0
            unexplained = self.requests.get(at, 0.0) - early - ours
            if unexplained > 0:
                last = at + MINUTE
            late = min(ours, max(0.0, -unexplained))
        return last


@dataclass(frozen=True)
class Idleness:
    """What the figures prove: idle, busy, young, lifeless (no heartbeat) or unknown.

    reason: with the figures, which `figures` has by name.
    """

    state: str
    reason: str
    figures: Mapping[str, Any] = field(default_factory=dict)


def judge(traffic: Traffic, born: datetime, hours: float, now: datetime) -> Idleness:
    """Judge a deployment over a window of `hours`. born: the later of its making and its run's `live`."""
    window = timedelta(hours=hours)
    if window > LONGEST_WINDOW:
        return Idleness("unknown", f"nobody can prove more than {LONGEST_WINDOW.days} days without a request")
    if now - born < window:
        return _early("young", now - born, window)
    if not traffic.known:
        return Idleness("unknown", "the figures could not be read")
    start = max(born, traffic.last_foreign() or born)
    if now - start < window:
        return _early("busy", now - start, window)
    whole = _whole_minutes(max(start, _floor(now - window)), now)
    alive = len(whole & {_floor(at) for at in traffic.heartbeat})
    needed = len(whole) if window < SHORT_WINDOW else HEARTBEAT_SHARE * len(whole)
    figures = {"quiet_minutes": _rounded(now - start), "alive_minutes": alive, "whole_minutes": len(whole)}
    if alive < max(needed, 1):
        return Idleness("lifeless", f"a sign of life in {alive} of {len(whole)} minutes", figures)
    quiet = f"no request for {_minutes(now - start)} minutes, alive in {alive} of {len(whole)}"
    return Idleness("idle", quiet, figures)


def _early(state: str, quiet: timedelta, window: timedelta) -> Idleness:
    figures = {"quiet_minutes": _rounded(quiet), "window_minutes": _rounded(window)}
    word = "there for" if state == "young" else "quiet for"
    return Idleness(state, f"{word} {_minutes(quiet)} of {_minutes(window)} minutes", figures)


def _whole_minutes(start: datetime, end: datetime) -> set[datetime]:
    first = _floor(start) if _floor(start) == start else _floor(start) + MINUTE
    count = int((_floor(end) - first) / MINUTE)
    return {first + n * MINUTE for n in range(max(count, 0))}


def _floor(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _rounded(length: timedelta) -> float:
    return round(length / MINUTE, 1)


def _minutes(length: timedelta) -> str:
    return f"{length / MINUTE:.1f}".removesuffix(".0")
