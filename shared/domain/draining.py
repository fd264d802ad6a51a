"""Draining: a deployment that has just lost its traffic first answers the requests it still has.

Azure ML's documentation does not say what becomes of requests under way when a deployment is deleted, so
nothing is left to that: none of them outlives the time limit that the deployment was made with.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.actions import Note, Wait

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.run import Run

REQUEST_LIMIT = timedelta(seconds=90)


def drain(run: Run, deployment: str, now: datetime) -> Note | Wait | None:
    """Wait until every request that a deployment without traffic was given is over; None: it may go.

    The first look that finds it without traffic is written down: that is when the limit begins.
    """
    since = run.drained.get(deployment)
    if since is None:
        return Note({"drained": {**run.drained, deployment: now}})
    if now - since < REQUEST_LIMIT:
        return Wait(f"{deployment} answers what it was asked before its traffic was taken")
    return None


def resumed(run: Run, deployment: str) -> Note | None:
    """Forget the time of a deployment that has traffic again, from somebody else's hand."""
    if deployment not in run.drained:
        return None
    return Note({"drained": {name: at for name, at in run.drained.items() if name != deployment}})
