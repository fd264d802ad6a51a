"""`advance`: gather, decide, apply, write, and again, until the run must wait or has ended.

Every trigger ends here. Twice is once: each effect is looked for before it is made, and only one worker at
a time has the run's claim.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from shared.app import (
    bookkeeping,
    claim,
    computing,
    estimating,
    evaluation,
    preflight,
    preparing,
    serving,
    telling,
    training,
    unforeseen,
)
from shared.app import lanes as lane_changes
from shared.app.gather import gather
from shared.app.ledger import Ledger, Unreadable
from shared.domain import actions as a
from shared.domain.errors import (
    Busy,
    Changed,
    DroptuneError,
    Missing,
    Permanent,
    Problem,
    Rejected,
    Transient,
)
from shared.domain.lifecycle import decide
from shared.domain.run import State, untroubled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.domain.run import Run
    from shared.domain.timing import Timing
    from shared.ports import World

log = logging.getLogger(__name__)

EFFECTS: Mapping[type, Callable[[claim.Work, Any], None]] = {
    a.Move: bookkeeping.move,
    a.Note: bookkeeping.note,
    a.Close: bookkeeping.close,
    a.End: bookkeeping.end,
    a.Free: bookkeeping.free,
    a.EnterTraining: bookkeeping.enter_training,
    a.LeaveTraining: bookkeeping.leave_training,
    a.TakeDeploySlot: bookkeeping.take_deploy_slot,
    a.AskToLeave: bookkeeping.ask_to_leave,
    a.Depose: bookkeeping.depose,
    a.Retire: bookkeeping.retire,
    a.Prepare: preparing.prepare,
    a.ResolveModel: preparing.resolve_model,
    a.ClaimSame: preparing.claim_same,
    a.Preflight: preflight.preflight,
    a.Estimate: estimating.estimate,
    a.CreateCompute: computing.create_compute,
    a.FixEvaluation: evaluation.fix,
    a.SubmitJob: training.submit_job,
    a.CancelJob: training.cancel_job,
    a.ReadMetrics: training.read_metrics,
    a.ChooseVersion: training.choose_version,
    a.RegisterModel: training.register_model,
    a.CreateEndpoint: serving.create_endpoint,
    a.DeleteEndpoint: serving.delete_endpoint,
    a.CreateDeployment: serving.create_deployment,
    a.DeleteDeployment: serving.delete_deployment,
    a.AskChallenger: serving.ask_challenger,
    a.MakeRoom: serving.make_room,
    a.MoveTraffic: serving.move_traffic,
    a.Crown: serving.crown,
}
MOST_ACTIONS = 100
MOST_ATTEMPTS = 40  # three hours, for they come five minutes apart in the end
MOST_WAITS = 180  # the same of looks a minute apart
PERSON_SECONDS = 6 * 3600.0
LONGEST_DELAY = 300.0


def advance(world: World, timing: Timing, name: str, wake: int | None = None) -> None:
    """Take the run as far as it goes just now. wake: the number a delayed message carries; a hint has none.

    A message with another wake than the document's is stale and ends here, so doubled ones die out.
    """
    ledger = Ledger(world.ledger)
    try:
        held = ledger.load(name)
    except Missing:
        log.warning("run %.100r: hinted at, but not in the ledger", name)
        return
    if held.run.ended or (wake is not None and wake != held.run.wake):
        return
    try:
        work = claim.take(world, ledger, held, timing.claim)
    except (Busy, Changed):
        return  # whoever has it goes on with it, and re-arms it
    try:
        unforeseen.bury(work) if unforeseen.has_died_often(work.run) else _go_on(work, timing)
    except claim.ClaimLost:
        log.warning("run %s: taken over by another worker", name)
        _leave_no_slot(work)
    except BaseException as error:
        with suppress(DroptuneError):
            _let_go(work, error)
        raise
    finally:
        if work.run.told < len(work.run.history):
            telling.tell_run(world, name)


def _leave_no_slot(work: claim.Work) -> None:
    """Give back what was taken too late, after another worker had brought the run to its end."""
    name = work.run.name
    if work.ledger.load(name).run.ended:
        lane_changes.give_back(work.world, work.ledger, work.run.recipe_name, name)


def _let_go(work: claim.Work, error: BaseException) -> None:
    """Release the claim; the error goes out, so that the platform sees it and tries again."""
    if isinstance(error, Exception) and unforeseen.is_unforeseen(error):
        unforeseen.note(work, error)
    else:
        work.update(lambda run: replace(run, claim=None))


def _go_on(work: claim.Work, timing: Timing) -> None:
    for _ in range(MOST_ACTIONS):
        try:
            rests = _step(work, timing)
        except claim.ClaimLost:
            raise
        except (Transient, Changed, Missing, Unreadable) as error:
            rests = _put_off(work, timing, error)
        except Permanent as error:
            rests = _give_up(work, timing, error)
        if rests or work.run.ended:
            return
    _rest(work, timing.poll_max, "it has been busy for long; the rest comes later")


def _step(work: claim.Work, timing: Timing) -> bool:
    """Gather, decide, apply once; tell whether the run rests now."""
    run = work.run
    action = decide(run, gather(work.world, work.ledger, run), run.recipe, work.world.now())
    if isinstance(action, a.Wait):
        if run.closing is not None and run.waits >= MOST_WAITS:
            telling.stuck(work.world, run, f"{action.reason}.")
        return _rest(work, _delay(run, action, timing), action.reason)
    work.renew_if_short()
    with work.renewing():
        EFFECTS[type(action)](work, action)
    return False


def _delay(run: Run, wait: a.Wait, timing: Timing) -> float:
    """Grow the delay with each look that found nothing new.

    Who waits in line is hinted when its turn has come: the looks between are for hints that were lost.
    """
    if wait.pace == "person":
        return PERSON_SECONDS
    if wait.pace == "job":
        return min(timing.job_poll_max, timing.job_poll * float(1.5 ** min(run.waits, 30)))
    most = timing.job_poll_max if wait.pace == "line" else timing.poll_max
    return min(most, timing.poll * float(2 ** min(run.waits, 30)))


def _rest(work: claim.Work, delay: float, reason: str, *, trouble: bool = False) -> bool:
    """Release the claim and come back after `delay` seconds; False where a person's wish came in between.

    trouble: the look did not succeed, and what went wrong before it goes on counting.
    """
    seen, due = work.run.wishes, work.world.now() + timedelta(seconds=delay)

    def change(run: Run) -> Run:
        if run.wishes != seen:
            return run
        # A run that is ending keeps the reason of its end, whatever it still waits for.
        said = reason if run.closing is None else run.reason
        after = run if trouble else untroubled(run)
        return replace(after, claim=None, due=due, wake=run.wake + 1, waits=run.waits + 1, reason=said)

    after = work.update(change)
    if after.claim is not None:
        return False
    work.world.steps.send(after.name, wake=after.wake, delay=delay)
    return True


def _put_off(work: claim.Work, timing: Timing, error: DroptuneError) -> bool:
    """Try again later, with growing delay; give up at the state's limit, but never on taking things away.

    People hear at that limit that these are still there.
    """
    attempts = work.run.attempts + (0 if isinstance(error, Busy) else 1)
    log.warning("run %s: %s in %s, attempt %d", work.run.name, error.problem.code, work.run.state, attempts)
    if attempts > MOST_ATTEMPTS and work.run.closing is None:
        _close(work, error, f" Tried {attempts} times.")
        return False
    since = work.run.failing_since or (work.world.now() if attempts else None)
    if attempts > MOST_ATTEMPTS:
        telling.stuck(work.world, work.run, error.problem.message)
    work.update(lambda run: replace(run, attempts=attempts, failing_since=since))
    asked = error.retry_after if isinstance(error, Transient) else None
    delay = max(asked or 0.0, min(LONGEST_DELAY, timing.poll * float(2 ** min(attempts, 30))))
    said = f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""
    return _rest(work, delay, f"tries again{said}: {error.problem.message}", trouble=True)


def _give_up(work: claim.Work, timing: Timing, error: Permanent) -> bool:
    """End the run on a fault that trying again will not mend; one that is ending already is put off."""
    if work.run.closing is not None:
        return _put_off(work, timing, error)
    _close(work, error)
    return False


def _close(work: claim.Work, error: DroptuneError, tried: str = "") -> None:
    run = work.run
    problem = _with_command(replace(error.problem, message=error.problem.message + tried), run)
    early = run.state in {State.RECEIVED, State.VALIDATING}
    state = State.REJECTED if early and isinstance(error, Rejected) else State.FAILED
    bookkeeping.close(work, a.Close(state, problem.message, problem))


def _with_command(problem: Problem, run: Run) -> Problem:
    """Make sure that the help ends with a command."""
    if "droptune " in problem.help:
        return problem
    return replace(problem, help=f"{problem.help} Then: droptune retry {run.name}".strip())
