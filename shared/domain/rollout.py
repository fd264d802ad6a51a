"""The rollout: which shares a challenger gets, and what its figures beside the champion's say.

Figures are of one step's window: from the minute in which the share was seen in place until now, our own
requests taken out. Pure; `shared.domain.promoting` makes actions of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.recipe import Serving

WHOLE = 100
MOST_MIRRORED = 50  # Azure ML copies no more of the live traffic
MINUTE = timedelta(minutes=1)
LEAST_FAULTS = 3  # one blip proves nothing
SURE = 1.96  # standard deviations: 95 % sure
SLACK_SECONDS = 0.25  # a difference that nobody feels is none
TIMEOUT, TOO_MANY, MODEL_FAILED, SERVER_FAILED = 408, 429, 424, 500


class Split(msgspec.Struct, frozen=True):
    """How an endpoint shares its requests out: percent by deployment; mirror: percent that is copied."""

    traffic: dict[str, int] = {}
    mirror: dict[str, int] = {}

    def told(self) -> str:
        """Say it for people."""
        shares = [f"{name} {share} %" for name, share in sorted(self.traffic.items())]
        copies = [f"copies of {share} % to {name}" for name, share in sorted(self.mirror.items())]
        return ", ".join(shares + copies) or "no traffic at all"


class Rollout(msgspec.Struct, frozen=True):
    """How far a run's rollout is.

    before, asked: the shares found and wanted, written down before the traffic moves; since: when `asked` was
    seen in place; held: since when somebody else's shares (`seen`) stand.
    """

    before: Split
    asked: Split
    step: int = 0
    since: datetime | None = None
    held: datetime | None = None
    seen: Split = Split()


@dataclass(frozen=True)
class Stage:
    """One step: the challenger's percent of the traffic, or of the copies."""

    percent: int
    mirrored: bool = False

    def told(self) -> str:
        """Say it for people."""
        return f"copies of {self.percent} %" if self.mirrored else f"{self.percent} %"


@dataclass(frozen=True)
class Figures:
    """What one deployment did in a window. faults: its own errors; p95: seconds, None: not known."""

    requests: float = 0.0
    faults: float = 0.0
    p95: float | None = None

    @property
    def share(self) -> float:
        """The part of its requests that failed."""
        return self.faults / self.requests if self.requests else 0.0

    def plain(self) -> dict[str, Any]:
        """Give the figures for the history."""
        found: dict[str, Any] = {"requests": round(self.requests), "errors": round(self.faults)}
        return found | ({} if self.p95 is None else {"p95_seconds": round(self.p95, 3)})

    def told(self) -> str:
        """Say them for people."""
        slow = "" if self.p95 is None else f", p95 {self.p95:.2f} s"
        return f"{self.faults:.0f} errors of {self.requests:.0f} requests{slow}"


@dataclass(frozen=True)
class Look:
    """What a step's decision rests on. A side is None where its figures could not be read."""

    champion: Figures | None
    challenger: Figures | None
    lasted: timedelta


@dataclass(frozen=True)
class Verdict:
    """What the figures say: go, wait or back, by which rule and why."""

    word: Literal["go", "wait", "back"]
    rule: str
    reason: str


def stages(serving: Serving) -> tuple[Stage, ...]:
    """List the steps to 100 %, which always comes last."""
    steps = tuple(Stage(share) for share in serving.rollout if share < WHOLE)
    last = Stage(WHOLE)
    if serving.strategy == "canary":
        return (*steps[:1], last)
    if serving.strategy == "mirror":
        first = min(steps[0].percent if steps else MOST_MIRRORED, MOST_MIRRORED)
        return (Stage(first, mirrored=True), *steps, last)
    return (*steps, last)


def shares(stage: Stage, champion: str, challenger: str, before: Split) -> Split:
    """Give the shares of a step; whom else copies go to is a person's and stays."""
    others = {name: share for name, share in before.mirror.items() if name != challenger}
    if stage.mirrored:
        return Split({champion: WHOLE}, {challenger: stage.percent})
    both = {champion: WHOLE - stage.percent, challenger: stage.percent}
    return Split({name: share for name, share in both.items() if share}, others)


def without(traffic: Mapping[str, int], deployment: str, heir: str | None = None) -> dict[str, int]:
    """Take a deployment's share away, for the heir; shares add up to 100 or to nought.

    heir: who gets it; None: the largest other one, or nobody.
    """
    left, share = (
        {name: part for name, part in traffic.items() if name != deployment},
        traffic.get(deployment),
    )
    to = heir or max(sorted(left), key=lambda name: left[name], default=None)
    return left | {to: left.get(to, 0) + share} if to and share else left


def figures(
    statuses: Mapping[int, Mapping[datetime, float]],
    latency: Mapping[datetime, float],
    own: Mapping[datetime, float],
    since: datetime,
) -> Figures:
    """Add up a deployment's minutes from that of `since` on, without our own requests.

    An error that may be our own counts for nobody. Our requests are written down just before they are made,
    so one may be counted in the minute after its note.
    """
    first, late = _floor(since), 0.0
    requests = faults = weighed = weight = 0.0
    for at in sorted({*own, *(at for points in statuses.values() for at in points)}):
        total = sum(points.get(at, 0.0) for points in statuses.values())
        failed = sum(points.get(at, 0.0) for status, points in statuses.items() if is_fault(status))
        early = late if at - MINUTE in own else 0.0
        mine = min(total, own.get(at, 0.0) + early)
        late = min(own.get(at, 0.0), own.get(at, 0.0) + early - mine)
        if at < first:
            continue
        requests += total - mine
        faults += min(max(0.0, failed - mine), total - mine)
        if at in latency and total > mine:
            weighed += latency[at] * (total - mine)
            weight += total - mine
    return Figures(requests, faults, weighed / weight if weight else None)


def is_fault(status: int) -> bool:
    """Tell whether a status is the deployment's own failure, and not its caller's.

    Microsoft Learn, "Troubleshoot online endpoints", HTTP status codes: 408 the model ran out of time, 424
    the container answered with an error, 429 more requests than it can take.
    """
    return status >= SERVER_FAILED or status in {TIMEOUT, MODEL_FAILED, TOO_MANY}


def judge(serving: Serving, stage: Stage, look: Look) -> Verdict:
    """Decide a step: back as soon as the figures prove harm, go when the bake time is over, else wait."""
    bake, patience = timedelta(minutes=serving.step_minutes), timedelta(hours=serving.wait_hours)
    over, tired = look.lasted >= bake, look.lasted >= bake + patience
    if look.challenger is None or look.champion is None:
        told = f"the figures of the two deployments cannot be read, {look.lasted / MINUTE:.1f} minutes now"
        return Verdict("back" if tired else "wait", "figures-unknown", told)
    harm = _harm(serving, look.champion, look.challenger)
    if harm is not None:
        return harm
    said = f"challenger {look.challenger.told()}; champion {look.champion.told()}"
    if not over:
        return Verdict("wait", "bakes", f"{stage.told()} since {look.lasted / MINUTE:.1f} minutes: {said}")
    if look.challenger.requests >= serving.min_requests:
        return Verdict("go", "no-worse", f"{stage.told()} for {look.lasted / MINUTE:.1f} minutes: {said}")
    return _by_rule(serving, look.challenger, tired=tired)


def _by_rule(serving: Serving, challenger: Figures, *, tired: bool) -> Verdict:
    """Too little traffic to tell: do as the recipe says."""
    few = (
        f"{challenger.requests:.0f} requests are too few to tell "
        f"(serving.min_requests {serving.min_requests})"
    )
    if serving.little_traffic == "wait":
        word: Literal["wait", "back"] = "back" if tired else "wait"
        return Verdict(word, "too-little-traffic", f"{few}; serving.wait_hours {serving.wait_hours:g}")
    return Verdict(serving.little_traffic, "too-little-traffic", f"{few}; serving.little_traffic says so")


def _harm(serving: Serving, champion: Figures, challenger: Figures) -> Verdict | None:
    """Find what proves that the challenger is worse than it may be, and than the champion."""
    said = f"challenger {challenger.told()}; champion {champion.told()}"
    limit = serving.max_error_share
    fails = challenger.faults >= LEAST_FAULTS and surely(challenger.faults, challenger.requests) > limit
    if fails and challenger.share > champion.share:
        return Verdict("back", "errors", f"more errors than serving.max_error_share ({limit:g}): {said}")
    if challenger.p95 is None or challenger.requests < serving.min_requests:
        return None
    most = serving.max_latency_seconds
    if most is not None and challenger.p95 > most:
        return Verdict("back", "latency", f"slower than serving.max_latency_seconds ({most:g}): {said}")
    if champion.p95 is None or champion.requests < serving.min_requests:
        return None
    if challenger.p95 > max(champion.p95 * serving.max_slowdown, champion.p95 + SLACK_SECONDS):
        told = f"more than serving.max_slowdown ({serving.max_slowdown:g}) times as slow as the champion"
        return Verdict("back", "slower", f"{told}: {said}")
    return None


def surely(faults: float, requests: float) -> float:
    """Give the share of failures that there surely is: the lower end of Wilson's 95 % interval."""
    if requests <= 0:
        return 0.0
    share, square = min(1.0, faults / requests), SURE * SURE
    middle = share + square / (2 * requests)
    spread = SURE * math.sqrt(share * (1 - share) / requests + square / (4 * requests * requests))
    return max(0.0, (middle - spread) / (1 + square / requests))


def _floor(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
