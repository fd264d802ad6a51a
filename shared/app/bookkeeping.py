"""The actions that change the ledger alone: states, notes, slots, ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from shared.app import lanes as lane_changes
from shared.domain import actions
from shared.domain import lane as lanes
from shared.domain import run as runs
from shared.domain.errors import Missing
from shared.domain.run import State, Wish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.app.claim import Work
    from shared.domain.run import Run

log = logging.getLogger(__name__)


def move(work: Work, action: actions.Move) -> None:
    """Write the new state with its reason and figures."""
    now = work.world.now()

    def change(run: Run) -> Run:
        after = runs.moved(run, action.state, action.reason, now, by=action.by, figures=dict(action.figures))
        wishes = tuple(wish for wish in run.wishes if wish.action != action.consume)
        after = replace(after, wishes=wishes, **action.changes)
        # A champion goes on to `live` whatever else was to become of it.
        over = {"claim": None, "due": None, "wishes": (), "closing": None, "problem": None}
        return replace(after, **over) if after.ended else after

    before = work.run.state
    work.update(change)
    log.info("run %s: %s -> %s", work.run.name, before, action.state)


def note(work: Work, action: actions.Note) -> None:
    """Write names down before the things they name are made."""
    work.update(lambda run: replace(run, **action.changes))


def close(work: Work, action: actions.Close) -> None:
    """Begin to end the run."""
    problem = action.problem
    work.update(
        lambda run: replace(
            run,
            closing=action.state,
            closing_by=action.by,
            reason=action.reason,
            problem=problem or run.problem,
            closing_figures=dict(action.figures),
            waits=0,
        )
    )


def end(work: Work, _action: actions.End) -> None:
    """Write the end: no due time, no claim, no open wish."""
    run = work.run
    over = actions.Close(run.closing or State.FAILED, run.reason, run.problem, by=run.closing_by)
    write_end(work, over, run.closing_figures | _left(work))


def write_end(work: Work, over: actions.Close, figures: Mapping[str, Any]) -> None:
    """Write this end as it stands: no due time, no claim, no open wish, and nothing left to be done."""
    now, before, problem = work.world.now(), work.run.state, over.problem
    code = {"code": problem.code} if problem else {}

    def change(run: Run) -> Run:
        ended = replace(run, problem=problem)
        after = runs.moved(ended, over.state, over.reason, now, by=over.by, figures={**code, **figures})
        return replace(after, closing=None, closing_figures={}, claim=None, due=None, wishes=())

    work.update(change)
    log.info("run %s: %s -> %s", work.run.name, before, over.state)


def _left(work: Work) -> dict[str, Any]:
    """Give the traffic that an ended rollout leaves behind."""
    run = work.run
    if run.rollout is None or run.endpoint is None:
        return {}
    try:
        return {"traffic": dict(work.world.endpoints.find(run.endpoint).traffic)}
    except Missing:
        return {}


def free(work: Work, _action: actions.Free) -> None:
    """Give back every slot of the lane."""
    lane_changes.give_back(work.world, work.ledger, work.run.recipe_name, work.run.name)


def enter_training(work: Work, _action: actions.EnterTraining) -> None:
    """Take the training slot or a place in its line; slots of dead runs are freed with it."""
    run = work.run
    parallel = run.recipe is not None and run.recipe.on_new_data == "parallel"
    dead = _dead(work)
    lane_changes.change(
        work.ledger,
        run.recipe_name,
        lambda lane: lanes.enter_training(
            lanes.without_dead(lane, lambda name: name not in dead), run.place, parallel=parallel
        ),
    )


def leave_training(work: Work, _action: actions.LeaveTraining) -> None:
    """Give the training slot back and hint the next in line."""
    run = work.run
    after = lane_changes.change(
        work.ledger, run.recipe_name, lambda lane: lanes.leave_training(lane, run.name)
    )
    lane_changes.hint_next(work.world.steps, after)


def take_deploy_slot(work: Work, _action: actions.TakeDeploySlot) -> None:
    """Take the deploy slot or a place in its line; a dead holder's is free."""
    run = work.run
    dead = _dead(work)
    lane_changes.change(
        work.ledger,
        run.recipe_name,
        lambda lane: lanes.take_deploy_slot(
            lanes.without_dead(lane, lambda name: name not in dead), run.place
        ),
    )


def ask_to_leave(work: Work, action: actions.AskToLeave) -> None:
    """Append to an older run's wishes that newer data replaces it; once is enough."""
    held = work.ledger.load(action.run)
    if held.run.ended or held.run.wish("replace"):
        return
    wish = Wish("replace", "droptune", work.world.now(), f"replaced by {work.run.name}, from a newer drop")
    work.ledger.save(held, replace(held.run, wishes=(*held.run.wishes, wish)))
    work.world.steps.send(action.run)


def depose(work: Work, action: actions.Depose) -> None:
    """End the life of the run that had the traffic before."""
    try:
        held = work.ledger.load(action.run)
    except Missing:
        return
    if held.run.state is State.LIVE:
        reason, now = f"{work.run.name} took its traffic", work.world.now()
        work.ledger.save(held, runs.moved(held.run, State.SUPERSEDED, reason, now))


def retire(work: Work, action: actions.Retire) -> None:
    """Write a champion that made room out of the lane, and end its run."""
    gone, now = action.champion, work.world.now()
    lane_changes.change(
        work.ledger,
        work.run.recipe_name,
        lambda lane: lanes.without_deployment(lane, gone.endpoint, gone.deployment),
    )
    try:
        held = work.ledger.load(gone.place.run)
    except Missing:
        return
    if held.run.state in {State.LIVE, State.SUPERSEDED}:
        reason = f"made room for {work.run.name}: serving.strategy is replace"
        work.ledger.save(held, runs.moved(held.run, State.RETIRED, reason, now))


def _dead(work: Work) -> set[str]:
    """Name the lane's holders that hold nothing: ended, missing, or a sweep that died."""
    named = work.ledger.lane(work.run.recipe_name).lane.named() - {work.run.name}
    return {name for name in named if not lane_changes.holds(work.world, work.ledger, name)}
