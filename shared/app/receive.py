"""Receive a drop: make its run, once."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from shared.app import recipes
from shared.app.ledger import Ledger
from shared.domain import drops, folders, names
from shared.domain import run as runs
from shared.domain.errors import AlreadyThere, Missing

if TYPE_CHECKING:
    from shared.domain.drops import Drop
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


def _new_run(world: World, drop: Drop) -> Run:
    recipe, etag, problem = None, "", folders.problem(drop)
    if problem is None and names.is_recipe(drop.recipe):
        recipe, etag, problem = recipes.find(world.recipes, drop.recipe)
    elif problem is None:
        problem = drops.refused(drop.path, f"lies in {drop.recipe!r}, which cannot name a recipe", names.RULE)
    return runs.received(drop, world.now(), recipe=recipe, recipe_etag=etag, problem=problem)
