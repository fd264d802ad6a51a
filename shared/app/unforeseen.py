"""What nobody foresaw: an error that is none of ours, or a worker that dies at the same run again and again.

Both are counted in the run's document, whatever brought the look. At the limit the run closes like any that
fails, so that what it made is taken away first; the message that brought the look ends in poison all the
same. Where even the taking away fails so, the end is written without it and says what may be left; of a run
that has the traffic by then the end is `live`, whatever could not be looked at.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app import bookkeeping
from shared.app import lanes as lane_changes
from shared.domain import actions as a
from shared.domain.errors import AlreadyThere, DroptuneError, Problem
from shared.domain.run import State

if TYPE_CHECKING:
    from shared.app.claim import Work
    from shared.domain.lane import Lane
    from shared.domain.run import Run

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
MOST = 5  # as many as host.json's maxDequeueCount: one message's tries suffice


def is_unforeseen(error: Exception) -> bool:
    """Tell an error that nothing waits for from those that the ledger itself may raise at any time."""
    return not isinstance(error, DroptuneError) or isinstance(error, AlreadyThere)


def note(work: Work, error: Exception) -> None:
    """Count the error and release the claim; at the limit let the run fail."""
    where = place(error)
    run = work.update(lambda run: replace(run, faults=run.faults + 1))
    log.error("run %s: unforeseen %s in %s, %d in a row", run.name, where, run.state, run.faults)
    if run.faults >= MOST:
        what = f"An unforeseen error, {where}, stopped it {run.faults} times"
        give_up(work, _problem("unforeseen", what, run))
        return
    reason = f"tries again after an unforeseen error, {where}" if run.closing is None else run.reason
    work.update(lambda run: replace(run, claim=None, reason=reason))


def has_died_often(run: Run) -> bool:
    """Tell whether so many workers died at this run, one after the other, that the next one would too."""
    return run.deaths >= MOST


def bury(work: Work) -> None:
    """Let a run fail at which worker after worker died."""
    run = work.run
    log.error("run %s: %d workers died at it in %s", run.name, run.deaths, run.state)
    give_up(work, _problem("worker-died", f"{run.deaths} workers died at it, one after the other", run))


def give_up(work: Work, problem: Problem) -> None:
    """Begin to end the run as failed; one that was ending already ends here and now."""
    run = work.run
    if run.closing is None:
        bookkeeping.close(work, a.Close(State.FAILED, problem.message, problem))
        after = work.update(
            lambda run: replace(run, faults=0, deaths=0, claim=None, due=work.world.now(), wake=run.wake + 1)
        )
        work.world.steps.send(run.name, wake=after.wake)
        return
    lane = _lane(work)
    if lane is not None and lane.crowned(run.name):
        if lane.previous is not None:
            bookkeeping.depose(work, a.Depose(lane.previous.place.run))
        what = f"{run.deployment} has the traffic of {run.endpoint}. {problem.message}"
        bookkeeping.write_end(work, a.Close(State.LIVE, what), {})
        return
    left = _left(run)
    message = f"{problem.message} It could not be cleaned up; what may be left: {left or 'nothing'}."
    with suppress(Exception):  # its end frees the slots by itself; this only lets the next one start sooner
        lane_changes.give_back(work.world, work.ledger, run.recipe_name, run.name)
    whole = replace(problem, message=message, help=f"{_looks(run)}. {problem.help}")
    bookkeeping.write_end(work, a.Close(State.FAILED, message, whole), {})


def _lane(work: Work) -> Lane | None:
    """Read the run's lane; None where even that fails."""
    try:
        return work.ledger.lane(work.run.recipe_name).lane
    except DroptuneError:
        return None


def place(error: Exception) -> str:
    """Say what happened and where, without the error's own words: they may hold words of the data."""
    trace, inner = error.__traceback__, ""
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(ROOT / "shared"):
            inner = f" at {file.relative_to(ROOT)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}{inner}"


def _problem(code: str, what: str, run: Run) -> Problem:
    help_text = (
        f"The Function App's log tells why: search it for {run.name} (docs/runbook.md). When that is mended: "
        f"droptune retry {run.name}"
    )
    return Problem(code, f"{what} in {run.state}.", help_text)


def _left(run: Run) -> str:
    made = [("job", run.job), ("deployment", run.deployment), ("endpoint", run.deployment and run.endpoint)]
    return ", ".join(f"{kind} {name}" for kind, name in made if name)


def _looks(run: Run) -> str:
    job = f", az ml job show --name {run.job}" if run.job else ""
    return f"Look: droptune endpoints{job}; the sweep takes what bills and has no traffic"
