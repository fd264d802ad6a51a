"""What a recipe spends in a month: training, and serving whether anybody asks or not.

Serving is read from the histories of runs: a deployment bills from `deploying` until its run is over. A run
that was superseded before it was live has none any more; one that was live keeps it as the way back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.run import State

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.run import Run

HOUR = timedelta(hours=1)
SERVING = frozenset({State.DEPLOYING, State.TESTING, State.PROMOTING, State.LIVE})


def first_of(now: datetime) -> datetime:
    """Give the month's first moment."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def hours_left(now: datetime) -> float:
    """Count the hours until the month is over."""
    return (first_of(first_of(now) + timedelta(days=32)) - now) / HOUR


def served_hours(run: Run, since: datetime, now: datetime) -> float:
    """Count the hours since then in which the run's deployment can have billed."""
    return sum(served_each(run, since, now), timedelta(0)) / HOUR


def served_each(run: Run, since: datetime, now: datetime) -> list[timedelta]:
    """Tell of each change in the history how long since then a deployment can have billed until the next."""
    ends = [*(change.at for change in run.history[1:]), now]
    return [
        max(min(end, now) - max(change.at, since), timedelta(0)) if serves else timedelta(0)
        for change, end, serves in zip(run.history, ends, serving(run), strict=True)
    ]


def serving(run: Run) -> list[bool]:
    """Tell of each change in the history whether it leaves a deployment that can bill."""
    found, live = [], False
    for change in run.history:
        live = change.state is State.LIVE or (live and change.state is State.SUPERSEDED)
        found.append(change.state in SERVING or live)
    return found
