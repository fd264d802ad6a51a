"""People's commands: they are appended to a run's document for its worker to read, claim or no claim."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app.ledger import Ledger
from shared.app.receive import governing
from shared.app.reports import report_of
from shared.domain import cost
from shared.domain import run as runs
from shared.domain.errors import Changed, Missing, Permanent
from shared.domain.names import run_of_job
from shared.domain.run import State, Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.app.ledger import Held
    from shared.domain.run import Run
    from shared.ports import World

TRIES = 10
DONE = {"cancel": "cancelled", "approve": "approved", "reject": "rejected"}


def wish(world: World, run_name: str, action: str, by: str, reason: str = "") -> Run:
    """Ask a run to be cancelled, approved or rejected. Raises Permanent where that makes no sense."""
    ledger = Ledger(world.ledger)
    saw = _report_digest(world, run_name)

    def change(run: Run) -> Run:
        if run.ended:
            raise Permanent(
                "run-ended",
                f"The run {run.name} has ended ({run.state}); there is nothing to {action}.",
                f"See it with droptune show {run.name}",
            )
        held = run.rollout is not None and run.rollout.held is not None
        if action != "cancel" and run.state is not State.AWAITING_APPROVAL and not held:
            raise Permanent(
                "run-not-waiting",
                f"The run {run.name} is {run.state}; only a run in awaiting_approval can be {DONE[action]}.",
                f"See it with droptune show {run.name}",
            )
        return replace(run, wishes=(*run.wishes, Wish(action, by, world.now(), reason, saw)))

    run = _write(ledger, run_name, change).run
    world.steps.send(run_name)
    return run


def retry(world: World, run_name: str, by: str) -> Run:
    """Start a failed run again at the state it failed in. Raises Permanent where it did not fail."""
    ledger, now = Ledger(world.ledger), world.now()

    def change(run: Run) -> Run:
        if run.state is not State.FAILED:
            raise Permanent(
                "run-not-failed",
                f"The run {run.name} is {run.state}; only a failed one can be tried again.",
                f"See it with droptune show {run.name}",
            )
        back = _failed_in(run)
        _look_at_the_data(run, back)
        again = runs.moved(run, back, f"tried again by {by}", now, by=by)
        again = replace(again, problem=None, smoke=None, rollout=None, drained={}, due=now, wake=run.wake + 1)
        if run.prepared is None:  # what is prepared now is not what was erased
            again = replace(again, erased=None, erased_by="")
        if back is State.RECEIVED:
            recipe, etag, problem = governing(world, run.drop)
            return replace(again, recipe=recipe, recipe_etag=etag, problem=problem)
        if back is State.VALIDATING:
            return replace(again, base_model=None, same_key=None, same_as=None, preflight=None, estimate=None)
        return _another_job(again) if back is State.QUEUED and run.job else again

    run = _write(ledger, run_name, change).run
    world.steps.send(run_name)
    return run


def _look_at_the_data(run: Run, back: State) -> None:
    """Raise Permanent where the rows that the run would go on with were erased."""
    trains = back in {State.VALIDATING, State.QUEUED} or (back is State.AWAITING_APPROVAL and not run.trained)
    if run.erased is not None and run.prepared is not None and trains:
        raise Permanent(
            "run-erased",
            f"The prepared data of {run.name} was erased ({run.erased:%F}); it cannot be trained again.",
            f"Drop the data set again: droptune drop FILE --recipe {run.recipe_name}",
        )


def _report_digest(world: World, run_name: str) -> str:
    """Tell the report that lies before a person just now from any other; empty where there is none."""
    try:
        return hashlib.sha256(report_of(world, run_name, "json")).hexdigest()[:16]
    except Missing:
        return ""


def hint_job(world: World, job: str) -> bool:
    """Ask for a look at the run a job belongs to; False where it is none of ours."""
    name = run_of_job(job)
    if name is None or Ledger(world.ledger).state(name) is None:
        return False
    world.steps.send(name)
    return True


def _another_job(run: Run) -> Run:
    """Forget the job that failed: the next attempt has a name, a start and figures of its own."""
    return replace(
        run,
        job=None,
        evaluation=None,
        job_attempt=run.job_attempt + 1,
        earlier=(*run.earlier, cost.present(run, run.updated)),
        job_spec=None,
        job_started=None,
        job_url=None,
        metrics={},
        metrics_read=False,
        spent_usd=None,
        preemptions=0,
        tokens={},
        curves=None,
        compared=None,
    )


def _failed_in(run: Run) -> State:
    """Find where to go back to; a job's slot was given up, so training queues again."""
    last = next(change.state for change in reversed(run.history) if change.state is not State.FAILED)
    if last is State.TRAINING:
        return State.QUEUED
    return State.DEPLOYING if last in {State.TESTING, State.PROMOTING} else last


def _write(ledger: Ledger, name: str, change: Callable[[Run], Run]) -> Held:
    for _ in range(TRIES):
        try:
            held = ledger.load(name)
        except Missing as missing:
            help_text = "See the runs there are: droptune runs"
            raise Permanent("run-missing", f"There is no run {name!r}.", help_text) from missing
        try:
            return ledger.save(held, change(held.run))
        except Changed:
            continue
    raise Permanent("run-busy", f"The run {name} changed {TRIES} times meanwhile.", "Try the command again.")
