"""The ledger and the recipes as one sweep reads them: each document once, for many endpoints share it."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from shared.app import recipes
from shared.domain import recipe_text
from shared.domain.errors import Missing, Rejected
from shared.domain.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.app.ledger import Ledger
    from shared.domain.lane import Lane
    from shared.domain.run import Run
    from shared.ports import World

Found = TypeVar("Found")


class Books:
    """Reads lanes and recipes once; safe from any thread."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world, self._ledger = world, ledger
        self._known: dict[str, Any] = {}
        self._lock = threading.Lock()

    def lane(self, recipe: str) -> Lane | None:
        """Give a recipe's lane; None where no recipe is named."""
        return self._once(f"lane/{recipe}", lambda: self._ledger.lane(recipe).lane) if recipe else None

    def run(self, name: str | None) -> Run | None:
        """Give a run; None where it has no document."""
        try:
            return self._ledger.load(name).run if name else None
        except Missing:
            return None

    def recipe(self, name: str, run: str | None) -> Recipe:
        """Give the limits that count: the current recipe's, else the run's copy, else the owners' default."""
        current = self._once(f"recipe/{name}", partial(self._read, name)) if name else None
        if current is not None:
            return current
        known = self.run(run)
        if known is not None and known.recipe is not None:
            return known.recipe
        return self._once("default", partial(self._read, recipes.DEFAULT)) or Recipe()

    def _read(self, name: str) -> Recipe | None:
        """Read a recipe; one that is missing or wrong sets no limits."""
        try:
            return recipes.parse(self._world.recipes.read(name)[0], recipe_text.path_of(name))
        except (Missing, Rejected):
            return None

    def _once(self, key: str, read: Callable[[], Found]) -> Found:
        with self._lock:
            if key in self._known:
                found: Found = self._known[key]
                return found
        found = read()
        with self._lock:
            self._known[key] = found
        return found
