"""Erase what Droptune made of a drop: at a person's word, or when the recipe's days for it are over.

The dropped file itself is its owner's: nothing here alters or deletes it. Models are named, not deleted. The
rows that a lane froze outlive their run's days, for later models are measured on them; a person's word takes
them too, and the next live run's are frozen in their place.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app import evaluation, tracing
from shared.app import lanes as lane_changes
from shared.app.ledger import Ledger
from shared.domain.errors import Changed, DroptuneError, Permanent
from shared.domain.run import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.domain.lane import Lane
    from shared.domain.run import Change, Run
    from shared.ports import World

log = logging.getLogger(__name__)
TRIES = 5
QUOTES = frozenset({"smoke-failed", "data-rejected"})  # their words hold words of the data
ERASED = "its words were erased with the data"


@dataclass(frozen=True)
class Forgotten:
    """What is or would be erased: runs, files in `prepared`. models: trained on it, by name and version."""

    drop: str
    runs: Sequence[str]
    files: Sequence[str]
    models: Sequence[str]


def forget(world: World, drop: str, by: str, *, dry_run: bool) -> Forgotten:
    """Erase prepared rows, reports and refused rows of every run of a drop, and mark the runs.

    Raises Permanent where there is no such run, or one is on its way or measured on its rows: that one must
    be cancelled first.
    """
    ledger = Ledger(world.ledger)
    runs = tracing.of_drop(ledger, drop)
    drop = runs[0].drop.path  # a folder's may have been given without its last slash
    frozen = _frozen(world, ledger, runs)
    for run in ledger.of_recipe(runs[0].recipe_name):
        measured = run.state is State.TRAINING and run.evaluation and run.evaluation.path in frozen
        if measured or (run.drop.path == drop and not run.ended):
            how = "is measured on rows" if measured else "is"
            what = f"The run {run.name} {how} of {drop} and on its way: {run.state}."
            raise Permanent("forget-running", what, f"End it first: droptune cancel {run.name}")
    found = Forgotten(
        drop=drop,
        runs=[run.name for run in runs],
        files=[file for run in runs for file in world.prepared.names(f"{run.name}/")] + frozen,
        models=[f"{run.model}:{run.model_version}" for run in runs if run.model and run.model_version],
    )
    if not dry_run:
        _thaw(world, ledger, runs[0].recipe_name, frozen)
        for run in runs:
            erase(world, ledger, run.name, by)
    return found


def _frozen(world: World, ledger: Ledger, runs: Sequence[Run]) -> list[str]:
    """Name the copies of these runs' rows that their lane keeps, or kept until a crash."""
    lane, mine = ledger.lane(runs[0].recipe_name).lane, {run.name for run in runs}
    known = {run.evaluation.digest for run in runs if run.evaluation and run.evaluation.of_run == run.name}
    paths = {evaluation.frozen_path(lane.recipe, digest) for digest in known}
    if lane.frozen is not None and lane.frozen.run not in mine:
        paths.discard(lane.frozen.path)  # the same rows came with another drop
    return [path for path in sorted(paths) if path in world.prepared.names(path)]


def _thaw(world: World, ledger: Ledger, recipe: str, paths: Sequence[str]) -> None:
    """Write them out of the lane, then delete them: no run is ever sent to what is gone."""

    def alter(lane: Lane) -> Lane:
        return replace(lane, frozen=None) if lane.frozen and lane.frozen.path in paths else lane

    lane_changes.change(ledger, recipe, alter)
    for path in paths:
        world.prepared.delete(path)


def erase(world: World, ledger: Ledger, name: str, by: str) -> None:
    """Erase one run's files, then write it down; what is gone already is erased already."""
    for file in world.prepared.names(f"{name}/"):
        world.prepared.delete(file)
    for _ in range(TRIES):
        held = ledger.load(name)
        try:
            ledger.save(held, _without_words(held.run, world.now(), by))
        except Changed:
            continue
        return
    raise Permanent("run-busy", f"The run {name} changed {TRIES} times meanwhile.", "Try it again.")


def expire(world: World, ledger: Ledger, run: Run) -> bool:
    """Erase a run past its recipe's `keep.prepared_days`, but no live one; tell whether it is erased."""
    if run.erased is not None or not run.ended or run.state == "live" or run.recipe is None:
        return False
    if world.now() - run.updated <= timedelta(days=run.recipe.keep.prepared_days):
        return False
    try:
        erase(world, ledger, run.name, "droptune, keep.prepared_days")
    except DroptuneError as error:
        log.warning("run %s: not erased yet: %s", run.name, error.problem.code)
        return False
    return True


def _without_words(run: Run, now: datetime, by: str) -> Run:
    """Take the data's words out of the document: findings, questions, and the reasons that quote them."""
    prepared = replace(run.prepared, findings=()) if run.prepared else None
    problem = run.problem
    quoted = problem is not None and problem.code in QUOTES
    if problem is not None and quoted:
        problem = replace(problem, message=ERASED)
    history = tuple(_plain(change) for change in run.history)
    return replace(
        run,
        prepared=prepared,
        smoke=None,
        problem=problem,
        reason=ERASED if quoted else run.reason,
        history=history,
        erased=now,
        erased_by=by,
    )


def _plain(change: Change) -> Change:
    return replace(change, reason=ERASED) if change.figures.get("code") in QUOTES else change
