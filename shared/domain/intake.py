"""The first part of a run's life: from the drop to its turn to train."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain import cost, names, preflight
from shared.domain import lane as lanes
from shared.domain.actions import (
    Action,
    AskToLeave,
    ClaimSame,
    Close,
    EnterTraining,
    Estimate,
    Move,
    Preflight,
    Prepare,
    ResolveModel,
    Wait,
)
from shared.domain.errors import Problem
from shared.domain.run import BEFORE_DEPLOYING, State

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.facts import Facts
    from shared.domain.recipe import Recipe
    from shared.domain.run import Prepared, Run, Wish

MOST_LINES = 10


def received(run: Run, facts: Facts) -> Action:
    """Refuse what cannot be read, leave what is no longer there, else begin."""
    if run.problem is not None:
        return Close(State.REJECTED, run.problem.message, run.problem)
    if facts.source != "same":
        return _source_lost(run, facts)
    return Move(State.VALIDATING, f"recipe {run.recipe_name} governs it")


def validating(run: Run, facts: Facts, recipe: Recipe, _now: datetime) -> Action:
    """Check and split the data, fix the base model, see that it is new and that nothing stands in its way."""
    if run.prepared is None:
        return _source_lost(run, facts) if facts.source != "same" else Prepare()
    if run.prepared.verdict == "rejected":
        return _rejected(run, run.prepared)
    if run.base_model is None:
        return ResolveModel()
    if run.same_key is None:
        return ClaimSame()
    if run.same_as is not None:
        return Close(State.UNCHANGED, f"the same data and training as {run.same_as}")
    if run.preflight is None:
        return Preflight()
    problem = preflight.problem(run, run.preflight)
    if problem is not None:
        return Close(State.FAILED, preflight.reason(run.preflight), problem)
    if run.estimate is None:
        return Estimate()
    return _onward(run.prepared, run.estimate, recipe)


def _onward(prepared: Prepared, estimate: cost.Estimate, recipe: Recipe) -> Action:
    """Go on to train, or wait for a person where the recipe or the money asks for one."""
    figures = {"rows": prepared.rows, **cost.figures(estimate, recipe.cost)}
    objection = cost.objection(estimate, recipe.cost)
    if recipe.approval == "always":
        why = f"the recipe asks for approval before training; {objection or estimate.said()}"
        return Move(State.AWAITING_APPROVAL, why, figures=figures)
    if objection is not None:
        return Move(State.AWAITING_APPROVAL, objection, figures=figures)
    return Move(State.QUEUED, prepared.reason, figures=figures)


def awaiting_approval(run: Run, _facts: Facts, recipe: Recipe, now: datetime) -> Action:
    """Wait for a person, but not for ever; nothing bills meanwhile."""
    wish = run.wish("approve", "reject")
    if wish is not None and wish.action == "reject":
        said = f"rejected by {wish.by}" + (f": {wish.reason}" if wish.reason else "")
        return Close(State.CANCELLED, said, by=wish.by, figures=_seen(wish))
    if wish is not None:
        return Move(
            State.REGISTERING if run.trained else State.QUEUED,
            f"approved by {wish.by}" + (f": {wish.reason}" if wish.reason else ""),
            wish.by,
            figures=_seen(wish),
            changes={"approved_by": wish.by},
            consume="approve",
        )
    if now >= run.since + timedelta(days=recipe.cost.approval_days):
        return Close(State.CANCELLED, f"nobody approved it within {recipe.cost.approval_days:g} days")
    return Wait("waits for a person: droptune approve " + run.name, "person")


def _seen(wish: Wish) -> dict[str, str]:
    """Name the report that a person decided on."""
    return {"report": wish.saw} if wish.saw else {}


def queued(run: Run, facts: Facts, recipe: Recipe, _now: datetime) -> Action:
    """Wait for the lane's training slot, or take an older run's."""
    if facts.lane.newer_than(run.place):
        return superseded(facts)
    lane = lanes.without_dead(facts.lane, facts.holds)
    if run.place in facts.lane.training:
        return Move(
            State.TRAINING, "its turn to train", changes={"job": names.job(run.name, run.job_attempt)}
        )
    after = lanes.enter_training(lane, run.place, parallel=recipe.on_new_data == "parallel")
    if after != facts.lane:
        return EnterTraining()
    if recipe.on_new_data == "replace":
        return _replace(run, facts)
    return Wait("waits for " + ", ".join(place.run for place in lane.training or lane.waiting), "line")


def superseded(facts: Facts) -> Action:
    """End a run whose data is older than the champion's."""
    champion = facts.lane.champion
    newer = champion.place.run if champion else "a newer run"
    return Close(State.SUPERSEDED, f"{newer}, from a newer drop, is in service already")


def _replace(run: Run, facts: Facts) -> Action:
    for place in (*facts.lane.training, *facts.lane.waiting):
        goes_on = facts.states.get(place.run) in BEFORE_DEPLOYING and place.run not in facts.leaving
        if place < run.place and goes_on:
            return AskToLeave(place.run)
    return Wait("waits for the run it replaces to end", "line")


def _source_lost(run: Run, facts: Facts) -> Action:
    whole = "folder" if run.drop.members else "blob"
    what = "was deleted" if facts.source == "gone" else "was overwritten"
    return Close(State.SUPERSEDED, f"the dropped {whole} {what} before it was read; a new drop is a new run")


def _rejected(run: Run, prepared: Prepared) -> Action:
    what, name = ("folder", "DIR") if run.drop.members else ("file", "FILE")
    problem = Problem(
        "data-rejected",
        f"{run.drop.path}: {prepared.reason}{_lines(prepared)}.",
        f"See every fault with droptune show {run.name}, mend the {what}, check it with "
        f"droptune check {name}, and drop it again: droptune drop {name} --recipe {run.recipe_name}",
    )
    return Close(State.REJECTED, prepared.reason, problem)


def _lines(prepared: Prepared) -> str:
    """Name the first lines with errors, by file where there are several."""
    lines: dict[str, list[str]] = {}
    wrong = [found for found in prepared.findings if found.get("severity") == "error" and found.get("line")]
    for found in wrong[:MOST_LINES]:
        lines.setdefault(found.get("file", ""), []).append(str(found["line"]))
    said = [f"{file} lines {', '.join(some)}".lstrip() for file, some in lines.items()]
    return f" ({'; '.join(said)})" if said else ""
