"""What a run will cost, before anything is spent, and what it did cost.

Hours: an overhead, and tokens times epochs over the throughput: measured by earlier runs with that model and
size, else reckoned from the model's parameters and the card's peak. A fine-tune takes about six operations a
parameter and token (Kaplan et al. 2020, section 2.1); cards reach some 30 % of their peak. Peaks are those
of NVIDIA's data sheets, dense bfloat16 (V100, T4: float16).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

from shared.domain.month import Month

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.domain.recipe import Cost
    from shared.domain.run import Run
    from shared.domain.sizes import Tier

OVERHEAD = (0.2, 0.4, 1.5)  # hours for machines, images, preprocessing and evaluation: least, usual, most
REACHED, FLOPS = 0.3, 6
DOUBT = 3.0  # what nobody measured may take a third or thrice as long
FEW = 3  # fewer measurements than this may be half or twice
PEAKS = {"h100": 989e12, "a100": 312e12, "v100": 125e12, "t4": 65e12}
PARAMETERS = {
    "phi-4": 14.7e9,
    "phi-4-mini": 3.8e9,
    "phi-3-mini": 3.8e9,
    "phi-3-small": 7.4e9,
    "phi-3-medium": 14e9,
}
NAMED = re.compile(r"(\d+(?:\.\d+)?)b(?![a-z])")


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A run's training foretold. hours and usd: least, usual, most; None: unknown. basis: what they rest on.

    rate: tokens an hour and machine; nodes: machines; serving_usd: an hour of serving, None: unknown;
    month: what this recipe spends in it, where it has a budget.
    """

    tokens: int
    epochs: float
    nodes: int
    size: str
    hourly_usd: float | None
    hours: tuple[float, float, float] | None
    usd: tuple[float, float, float] | None
    basis: str
    serving_usd: float | None
    month: Month | None = None

    def said(self) -> str:
        """Say it in a line."""
        if self.usd is None or self.hours is None:
            return f"what training costs is unknown ({self.basis})"
        low, usual, high = self.usd
        hours = f"{self.hours[0]:.1f} to {self.hours[2]:.1f} h on {self.nodes} x {self.size}"
        return f"training about ${usual:,.2f} (${low:,.2f} to ${high:,.2f}; {hours}; {self.basis})"


class Attempt(msgspec.Struct, frozen=True):
    """One job of a run, from its start until training left it. started None: no job was made."""

    job: str
    started: datetime | None
    ended: datetime

    def hours(self, since: datetime | None = None) -> float:
        """Count the hours it took, or of them those since then."""
        if self.started is None:
            return 0.0
        start = max(self.started, since or self.started)
        return max(self.ended - start, timedelta(0)) / timedelta(hours=1)


@dataclass(frozen=True)
class Load:
    """What is to be trained, and on what. gpus: of one machine; tier: how it is paid for."""

    model: str
    tokens: int
    epochs: float
    nodes: int
    size: str
    gpus: int
    tier: Tier = "dedicated"


def hours(load: Load, measured: Sequence[float]) -> tuple[tuple[float, float, float] | None, str]:
    """Foretell the job's hours, least, usual and most, and say on what basis; None: nobody knows."""
    rates, basis = _rates(load, measured)
    if rates is None:
        return None, basis
    work = load.tokens * load.epochs / max(load.nodes, 1)
    slow, usual, fast = rates
    low, middle, high = (work / rate + more for rate, more in zip((fast, usual, slow), OVERHEAD, strict=True))
    return (round(low, 3), round(middle, 3), round(high, 3)), basis


def rate(load: Load, took: float) -> float:
    """Learn from a job that took some hours: tokens an hour and machine, its overhead left out."""
    worked = max(took - OVERHEAD[1], took * 0.1, 1 / 3600)
    return load.tokens * load.epochs / max(load.nodes, 1) / worked


def dollars(
    found: tuple[float, float, float] | None, hourly: float | None, longest: float
) -> tuple[float, float, float] | None:
    """Price the hours of all machines; no job runs longer than `longest` hours, for it is cancelled then."""
    if found is None or hourly is None:
        return None
    low, usual, high = (round(min(one, longest) * hourly, 2) for one in found)
    return low, usual, high


def objection(estimate: Estimate, cost: Cost) -> str | None:
    """Say why a person must approve before this is trained; None: nobody need."""
    limit, budget = cost.approve_above_usd, cost.monthly_budget_usd
    if limit is None and budget is None:
        return None
    if estimate.usd is None:
        return f"{estimate.said()}, so that a person decides"
    usual = estimate.usd[1]
    if limit is not None and usual > limit:
        return f"{estimate.said()}; more than cost.approve_above_usd, ${limit:,.2f}"
    if budget is None:
        return None
    month = estimate.month or Month()
    whole = month.with_training(usual)
    if whole is None:
        return f"{estimate.said()}; {month.said()}, so that a person decides on cost.monthly_budget_usd"
    if whole > budget:
        said = f"{estimate.said()}; {month.said()}"
        return f"{said}: ${whole:,.2f} in all, more than cost.monthly_budget_usd, ${budget:,.2f}"
    return None


def figures(estimate: Estimate, cost: Cost) -> dict[str, Any]:
    """Name the figures for the history, with what serving costs a day and until its limits end it."""
    serving = estimate.serving_usd
    unused = None if serving is None else round(serving * (cost.idle_hours + cost.grace_hours), 2)
    parts = msgspec.structs.asdict(estimate.month) if estimate.month else {}
    month = {f"month_{name}": usd for name, usd in parts.items()}
    return {
        "training_usd": estimate.usd,
        "training_hours": estimate.hours,
        "basis": estimate.basis,
        "tokens": estimate.tokens,
        "serving_usd_a_day": None if serving is None else round(serving * 24, 2),
        "serving_usd_if_nobody_asks": unused,
        **month,
    }


def trained_hours(run: Run, now: datetime, since: datetime | None = None) -> float:
    """Count the hours of the run's present job, from its start or `since` to training's end, or to now."""
    return present(run, now).hours(since)


def present(run: Run, now: datetime) -> Attempt:
    """Give the run's present job as far as it has come.

    Its end is the change that came after it, by the order of the history: Azure's clock tells when a job
    began and ours when it was over, and they may differ by more than a short job lasts.
    """
    after = list(takewhile(lambda change: change.state != "training", reversed(run.history)))
    return Attempt(run.job or "", run.job_started, after[-1].at if after else now)


def attempts(run: Run, now: datetime) -> tuple[Attempt, ...]:
    """List all jobs of the run, the present one last."""
    return *run.earlier, present(run, now)


def spent(run: Run, now: datetime, since: datetime | None = None) -> float | None:
    """Price what the run's jobs have taken until now, or of that what they took since then; None: unknown."""
    took = sum(one.hours(since) for one in attempts(run, now))
    hourly = run.estimate.hourly_usd if run.estimate else None
    return round(took * hourly, 2) if hourly is not None else (0.0 if not took else None)


def _rates(load: Load, measured: Sequence[float]) -> tuple[tuple[float, float, float] | None, str]:
    """Give slow, usual and fast tokens an hour and machine, and what they rest on."""
    if measured:
        few = len(measured) < FEW
        slow, fast = (min(measured) / 2, max(measured) * 2) if few else (min(measured), max(measured))
        return (slow, median(measured), fast), f"{len(measured)} earlier runs"
    peak, weights = _peak(load.size), _parameters(load.model)
    if peak is None or weights is None:
        what = "the machine's cards" if peak is None else "the model's size"
        return None, f"no earlier run, and no table knows {what}"
    usual = REACHED * peak * max(load.gpus, 1) / (FLOPS * weights) * 3600
    return (usual / DOUBT, usual, usual * DOUBT), "a table, for no run with that model and size has ended yet"


def _peak(size: str) -> float | None:
    return next((peak for card, peak in PEAKS.items() if card in size.lower()), None)


def _parameters(model: str) -> float | None:
    name = model.lower()
    known = [key for key in PARAMETERS if name.startswith(key)]
    if known:
        return PARAMETERS[max(known, key=len)]
    found = NAMED.search(name)
    return float(found[1]) * 1e9 if found else None
