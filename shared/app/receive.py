"""Receive a drop: make its run, once."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from shared.app import recipes
from shared.app.ledger import Ledger
from shared.domain import drops, names
from shared.domain import run as runs
from shared.domain.errors import AlreadyThere, Missing

if TYPE_CHECKING:
    from shared.domain.drops import Drop
    from shared.domain.run import Run
    from shared.ports import World

log = logging.getLogger(__name__)


def receive(world: World, path: str) -> str | None:
    """Make the run of the blob at `path` in `datasets`, or find it made; its name is derived from the drop.

    None: the blob sets off no run by itself, or is no longer there. Whatever raises is to be tried again.
    """
    if not drops.place(path).is_drop:
        return None
    try:
        drop = world.drops.find(path)
    except Missing:
        log.info("a hinted blob is no longer there")
        return None
    return receive_drop(world, drop)


def receive_drop(world: World, drop: Drop) -> str:
    """Make the run of a drop that was looked at already."""
    ledger = Ledger(world.ledger)
    if ledger.state(drop.run) is None:
        with suppress(AlreadyThere):
            world.ledger.create("installation", world.installation.encode())
        with suppress(AlreadyThere):
            ledger.create(_new_run(world, drop))
            log.info("run %s: received, %d bytes", drop.run, drop.size)
    return drop.run


def _new_run(world: World, drop: Drop) -> Run:
    recipe, etag, problem = None, "", drops.place(drop.path).problem
    if problem is None and names.is_recipe(drop.recipe):
        recipe, etag, problem = recipes.find(world.recipes, drop.recipe)
    elif problem is None:
        problem = drops.refused(drop.path, f"lies in {drop.recipe!r}, which cannot name a recipe", names.RULE)
    return runs.received(drop, world.now(), recipe=recipe, recipe_etag=etag, problem=problem)
