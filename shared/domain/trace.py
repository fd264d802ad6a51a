"""One record of a run: from the blob's ETag and digest to its endpoint's end, with the cost of each step.

All of it stands in the run's document. Money is hours times the list price that the run's estimate keeps:
a job from its start until training leaves it, a deployment from `deploying` until its run is over
(`shared.domain.cost.spent`, `shared.domain.spending.served_hours`). What nobody knows is None.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared.domain import cost, names, spending
from shared.domain.drops import Drop
from shared.domain.endings import EndpointEnd
from shared.domain.run import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.domain.cost import Attempt
    from shared.domain.run import Change, Run

HOUR = timedelta(hours=1)
PRICES = "List prices; storage, logs, the Function App, discounts and taxes are not in them."


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One state that the run was in. ended None: it is in it still, and the figures are those until now.

    billed_hours: of a job or a deployment; None: nobody wrote them down. usd None: unknown.
    """

    state: State
    begun: datetime
    ended: datetime | None
    hours: float
    billed_hours: float | None
    usd: float | None
    made: str | None
    by: str
    reason: str


class Stop(msgspec.Struct, frozen=True):
    """Since when nothing of the run bills. rule: the sweep's; taken: what it took."""

    at: datetime
    by: str
    reason: str
    rule: str | None
    taken: str | None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The record as of `at`. Digests, names, sums: None where there is none, or (sums) where it is unknown.

    billing: what bills just now, and usd_a_day its price; stopped: None too where nothing ever billed.
    """

    run: str
    recipe: str
    state: State
    at: datetime
    drop: Drop
    source_digest: str | None
    data_digest: str | None
    recipe_etag: str
    base_model: str | None
    job: str | None
    model: str | None
    endpoint: str | None
    endpoint_ends: tuple[EndpointEnd, ...]
    deployment: str | None
    steps: tuple[Step, ...]
    training_usd: float | None
    serving_usd: float | None
    total_usd: float | None
    billing: str | None
    usd_a_day: float | None
    stopped: Stop | None
    erased: datetime | None
    prices: str = PRICES


def of(run: Run, now: datetime) -> Trace:
    """Put the record of a run together."""
    steps, prepared = _steps(run, now), run.prepared
    training, serving = _training_usd(run, steps, now), _serving_usd(run, now)
    billing, usd_a_day = _billing(run, now)
    return Trace(
        run=run.name,
        recipe=run.recipe_name,
        state=run.state,
        at=now,
        drop=run.drop,
        source_digest=prepared.source_digest if prepared else None,
        data_digest=prepared.data_digest if prepared else None,
        recipe_etag=run.recipe_etag,
        base_model=run.base_model.id if run.base_model else None,
        job=run.job,
        model=_model(run),
        endpoint=run.endpoint,
        endpoint_ends=run.endpoint_ends,
        deployment=run.deployment,
        steps=tuple(steps),
        training_usd=training,
        serving_usd=serving,
        total_usd=None if training is None or serving is None else round(training + serving, 2),
        billing=billing,
        usd_a_day=usd_a_day,
        stopped=None if billing else _stopped(run, now),
        erased=run.erased,
    )


def _steps(run: Run, now: datetime) -> list[Step]:
    """Tell of each change what it lasted, billed and made."""
    ends = [*(change.at for change in run.history[1:]), None]
    billed, made = _billed(run, now), _made(run)
    return [
        Step(
            state=change.state,
            begun=change.at,
            ended=end,
            hours=round(max((end or now) - change.at, timedelta(0)) / HOUR, 4),
            billed_hours=None if hours is None else round(hours, 4),
            usd=_priced(run, change, hours),
            made=what,
            by=change.by,
            reason=change.reason,
        )
        for change, end, hours, what in zip(run.history, ends, billed, made, strict=True)
    ]


def _billed(run: Run, now: datetime) -> list[float | None]:
    """Count each change's billed hours: its job's, or its deployment's."""
    jobs = _jobs(run, now)
    served = spending.served_each(run, run.received, now)
    return [
        (job.hours() if job else None) if change.state is State.TRAINING else took / HOUR
        for change, job, took in zip(run.history, jobs, served, strict=True)
    ]


def _jobs(run: Run, now: datetime) -> Iterator[Attempt | None]:
    """Give the job of each change. The nth time in training is the nth attempt.

    None: none, or one that a Droptune before this record forgot when the next attempt began.
    """
    known, attempt = {one.job: one for one in cost.attempts(run, now)}, 0
    for change in run.history:
        attempt += change.state is State.TRAINING
        yield known.get(names.job(run.name, attempt)) if change.state is State.TRAINING else None


def _priced(run: Run, change: Change, hours: float | None) -> float | None:
    """Price the billed hours of one change."""
    if hours == 0:
        return 0.0
    hourly = _hourly(run, change)
    return None if hours is None or hourly is None else round(hours * hourly, 4)


def _hourly(run: Run, change: Change) -> float | None:
    if run.estimate is None:
        return None
    return run.estimate.hourly_usd if change.state is State.TRAINING else run.estimate.serving_usd


def _training_usd(run: Run, steps: list[Step], now: datetime) -> float | None:
    unknown = any(step.usd is None for step in steps if step.state is State.TRAINING)
    return None if unknown else cost.spent(run, now)


def _serving_usd(run: Run, now: datetime) -> float | None:
    hours = spending.served_hours(run, run.received, now)
    price = run.estimate.serving_usd if run.estimate else None
    return 0.0 if not hours else None if price is None else round(hours * price, 2)


def _made(run: Run) -> Iterator[str | None]:
    """Name what each change made, where that is sure: the job began, or the next state came."""
    following = [*(change.state for change in run.history[1:]), None]
    last = {change.state: change for change in run.history}
    for change, after, job in zip(run.history, following, _jobs(run, run.updated), strict=True):
        newest = change is last[change.state]
        if job is not None:
            yield f"job {job.job}" if job.started else None
        elif change.state is State.VALIDATING and newest and run.prepared:
            yield f"prepared/{run.prepared.folder}"
        elif change.state is State.REGISTERING and after is State.DEPLOYING:
            yield f"model {_model(run)}"
        elif change.state is State.DEPLOYING and after is State.TESTING:
            yield _deployment(run, whole=newest)
        else:
            yield None


def _deployment(run: Run, *, whole: bool) -> str:
    """Name the deployment; its endpoint where `whole`, for a revived run may have another one than before."""
    return f"deployment {run.deployment}" + (f" of {run.endpoint}" if whole and run.endpoint else "")


def _model(run: Run) -> str | None:
    return f"{run.model}:{run.model_version}" if run.model and run.model_version else None


def _bills(run: Run, now: datetime) -> list[bool]:
    """Tell of each change whether something bills from it to the next."""
    jobs = [job is not None and job.started is not None for job in _jobs(run, now)]
    return [job or serves for job, serves in zip(jobs, spending.serving(run), strict=True)]


def _billing(run: Run, now: datetime) -> tuple[str | None, float | None]:
    """Name what bills just now, and its price a day."""
    if not _bills(run, now)[-1]:
        return None, 0.0
    change = run.history[-1]
    hourly = _hourly(run, change)
    what = f"job {run.job}" if change.state is State.TRAINING else _deployment(run, whole=True)
    return what, None if hourly is None else round(hourly * 24, 2)


def _stopped(run: Run, now: datetime) -> Stop | None:
    """Find the change with which the last of it went."""
    bills = _bills(run, now)
    if True not in bills:
        return None
    change = run.history[len(bills) - bills[::-1].index(True)]
    told = change.figures
    return Stop(change.at, change.by, change.reason, told.get("rule"), told.get("taken"))
