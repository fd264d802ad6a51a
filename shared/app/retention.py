"""Delete old model versions, by the recipe's `keep.models`: those that our own runs registered alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app.books import Books
from shared.app.ledger import Ledger
from shared.domain import retention
from shared.domain.errors import DroptuneError, Missing
from shared.domain.tags import INSTALLATION, RUN

if TYPE_CHECKING:
    from shared.domain.run import Run
    from shared.ports import World

log = logging.getLogger(__name__)


def expire_models(world: World) -> int:
    """Delete what is outdated, recipe by recipe, and write it down; count the versions."""
    ledger, count = Ledger(world.ledger), 0
    books = Books(world, ledger)
    for recipe in sorted({entry.name.split("/")[1] for entry in world.ledger.names("by-day/")}):
        try:
            runs = _outdated(ledger, books, recipe)
        except DroptuneError as error:
            log.warning("models of %s stay for now: %s", recipe, error.problem.code)
            continue
        for run in runs:
            try:
                count += _delete(world, ledger, run)
            except DroptuneError as error:
                log.warning("run %s: its model stays for now: %s", run.name, error.problem.code)
    return count


def _outdated(ledger: Ledger, books: Books, recipe: str) -> list[Run]:
    runs = list(ledger.of_recipe(recipe))
    keep = books.recipe(recipe, runs[0].name if runs else None).keep.models
    return list(retention.outdated(runs, ledger.lane(recipe).lane, keep))


def _delete(world: World, ledger: Ledger, run: Run) -> bool:
    """Delete one version, where it carries our and the run's own tag; tell whether it went."""
    model, version = run.model or "", run.model_version or ""
    try:
        tags = world.models.find(model, version).tags
    except Missing:
        tags = None
    if tags is not None:
        if (tags.get(INSTALLATION), tags.get(RUN)) != (world.installation, run.name):
            return False
        world.models.delete(model, version)
        log.info("model %s:%s went, by keep.models", model, version)
    held = ledger.load(run.name)
    ledger.save(held, replace(held.run, model_gone=True))
    return tags is not None
