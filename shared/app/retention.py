"""Delete old model versions, by the recipe's `keep.models`: those that our own runs registered alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app.books import Books
from shared.domain import retention, tags
from shared.domain.errors import DroptuneError, Missing

if TYPE_CHECKING:
    from shared.app.ledger import Ledger
    from shared.domain.lane import Place
    from shared.domain.retention import Registered
    from shared.domain.run import Run
    from shared.ports import World

log = logging.getLogger(__name__)


class Models:
    """The runs of each recipe that have a model, as a pass over the ledger meets them."""

    def __init__(self) -> None:
        self._newest: dict[str, Place] = {}
        self._registered: dict[str, list[Registered]] = {}

    def see(self, run: Run) -> None:
        """Keep in mind what the choice needs of a run, and let go of its document."""
        recipe = run.recipe_name
        self._newest[recipe] = max(run.place, self._newest.get(recipe, run.place))
        found = retention.registered(run)
        if found is not None:
            self._registered.setdefault(recipe, []).append(found)

    def expire(self, world: World, ledger: Ledger) -> int:
        """Delete what is outdated, recipe by recipe, and write it down; count the versions."""
        books, count = Books(world, ledger), 0
        for recipe in sorted(self._registered):
            try:
                names = self._outdated(ledger, books, recipe)
            except DroptuneError as error:
                log.warning("models of %s stay for now: %s", recipe, error.problem.code)
                continue
            for name in names:
                try:
                    count += _delete(world, ledger, name)
                except DroptuneError as error:
                    log.warning("run %s: its model stays for now: %s", name, error.problem.code)
        return count

    def _outdated(self, ledger: Ledger, books: Books, recipe: str) -> list[str]:
        keep = books.recipe(recipe, self._newest[recipe].run).keep.models
        return retention.outdated(self._registered[recipe], ledger.lane(recipe).lane, keep)


def _delete(world: World, ledger: Ledger, name: str) -> bool:
    """Delete one version, where it carries our and the run's own tag; tell whether it went.

    The run is read again: since the pass met it, a person may have brought it back.
    """
    held = ledger.load(name)
    run = held.run
    found = retention.registered(run)
    if found is None or not found.over:
        return False
    model, version = run.model or "", run.model_version or ""
    try:
        whose = world.models.find(model, version).tags
    except Missing:
        whose = None
    if whose is not None:
        if not tags.lead_to(whose, world.installation, name):
            return False
        world.models.delete(model, version)
        log.info("model %s:%s went, by keep.models", model, version)
    ledger.save(held, replace(run, model_gone=True))
    return whose is not None
