"""Receive a drop: make its run, once."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app import recipes, unforeseen
from shared.app.ledger import Ledger
from shared.domain import drops, folders, names
from shared.domain import run as runs
from shared.domain.errors import AlreadyThere, Missing, Problem
from shared.domain.run import State

if TYPE_CHECKING:
    from shared.domain.drops import Drop
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.ports import World

log = logging.getLogger(__name__)


def receive(world: World, path: str) -> str | None:
    """Make the run of the blob at `path` in `datasets`, or find it made; its name is derived from the drop.

    A folder's run is set off by its `_SUCCESS`. None: the blob sets off no run by itself, or is no longer
    there. Whatever raises is to be tried again.
    """
    where = drops.place(path)
    if where.drop is None:
        return None
    try:
        drop = world.drops.find(where.drop)
    except Missing:
        log.info("a hinted blob is no longer there")
        return None
    return receive_drop(world, drop)


def receive_drop(world: World, drop: Drop) -> str:
    """Make the run of a drop that was looked at already.

    One `_SUCCESS` sets off one run: what is changed in a folder afterwards, or deleted, waits for a new one.
    """
    ledger = Ledger(world.ledger)
    if ledger.state(drop.run) is None:
        if (earlier := _by_the_same_mark(ledger, drop)) is not None:
            return earlier
        with suppress(AlreadyThere):
            world.ledger.create("installation", world.installation.encode())
        with suppress(AlreadyThere):
            ledger.create(_new_run(world, drop))
            log.info("run %s: received, %d bytes", drop.run, drop.size)
    return drop.run


def receive_failed(world: World, drop: Drop, error: Exception) -> str:
    """Make the run of a drop that cannot be received: it fails at once, with a notice, and can be retried."""
    problem = Problem(
        "unforeseen",
        f"{drop.path} could not be received: an unforeseen error, {unforeseen.place(error)}.",
        f"The Function App's log tells why: search it for {drop.run} (docs/runbook.md). When that is mended: "
        f"droptune retry {drop.run}",
    )
    run = runs.received(drop, world.now(), recipe=None, recipe_etag="", problem=problem)
    with suppress(AlreadyThere):
        Ledger(world.ledger).create(replace(run, closing=State.FAILED, reason=problem.message))
    return drop.run


def _by_the_same_mark(ledger: Ledger, drop: Drop) -> str | None:
    """Find the run that a folder's `_SUCCESS` set off when the folder's files were others."""
    if not drops.is_folder(drop.path):
        return None
    for name in ledger.runs(drop.run.rsplit("-", 1)[0] + "-"):
        with suppress(Missing):
            earlier = ledger.load(name).run.drop
            if (earlier.path, earlier.etag) == (drop.path, drop.etag):
                return name
    return None


def governing(world: World, drop: Drop) -> tuple[Recipe | None, str, Problem | None]:
    """Find the recipe that governs a drop, its etag, and what is wrong with either."""
    problem = folders.problem(drop)
    if problem is not None:
        return None, "", problem
    if names.is_recipe(drop.recipe):
        return recipes.find(world.recipes, drop.recipe)
    found = f"lies in {drop.recipe!r}, which cannot name a recipe"
    return None, "", drops.refused(drop.path, found, names.RULE)


def _new_run(world: World, drop: Drop) -> Run:
    recipe, etag, problem = governing(world, drop)
    return runs.received(drop, world.now(), recipe=recipe, recipe_etag=etag, problem=problem)
