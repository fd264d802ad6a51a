"""Erase what Droptune made of a drop: at a person's word, or when the recipe's days for it are over.

The dropped file itself is its owner's: nothing here alters or deletes it. Models are named, not deleted.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app import tracing
from shared.app.ledger import Ledger
from shared.domain.errors import Changed, DroptuneError, Permanent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

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

    Raises Permanent where there is no such run, or where one is on its way: it must be cancelled first.
    """
    ledger = Ledger(world.ledger)
    runs = tracing.of_drop(ledger, drop)
    for run in runs:
        if not run.ended:
            what = f"The run {run.name} of {drop} is {run.state}."
            raise Permanent("forget-running", what, f"End it first: droptune cancel {run.name}")
    found = Forgotten(
        drop=runs[0].drop.path,
        runs=[run.name for run in runs],
        files=[file for run in runs for file in world.prepared.names(f"{run.name}/")],
        models=[f"{run.model}:{run.model_version}" for run in runs if run.model and run.model_version],
    )
    if not dry_run:
        for run in runs:
            erase(world, ledger, run.name, by)
    return found


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


def expire(world: World) -> int:
    """Erase what is past its recipe's `keep.prepared_days`, but of a run that is live; count the runs."""
    ledger, now, count = Ledger(world.ledger), world.now(), 0
    for run in ledger.readable(list(ledger.runs())):
        if run.erased is not None or not run.ended or run.state == "live" or run.recipe is None:
            continue
        if now - run.updated > timedelta(days=run.recipe.keep.prepared_days):
            try:
                erase(world, ledger, run.name, "droptune, keep.prepared_days")
                count += 1
            except DroptuneError as error:
                log.warning("run %s: not erased yet: %s", run.name, error.problem.code)
    return count


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
