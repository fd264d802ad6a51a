"""The daily pass reads every run once, and holds one at a time, however many there are."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from shared.app.daily import daily
from shared.app.ledger import Ledger
from shared.domain.run import Run, State
from tests.app.life import Life
from tests.domain import builders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RECIPES = ("support", "sales", "legal")


def with_runs(count: int) -> Life:
    """Give a ledger of so many retired runs with a model each, fewer of a recipe than it keeps models."""
    life = Life()
    for recipe in RECIPES:
        life.storage.recipes.put(recipe, "keep: {models: 1000}\n")
    for number in range(count):
        dropped = builders.drop(f"{RECIPES[number % 3]}/{number}.jsonl", minutes=number)
        run = builders.run(State.RETIRED, drop=dropped, model="Phi-4-tuned", model_version=str(number))
        life.ledger.create(run)
    return life


@pytest.mark.parametrize("count", [30, 60])
def test_each_run_is_read_once(count: int) -> None:
    life = with_runs(count)
    before = Counter(life.storage.calls)
    assert daily(life.world, life.ledger).mended == count  # the marker of an ended run
    first = Counter(life.storage.calls) - before
    assert daily(life.world, life.ledger).mended == 0
    second = Counter(life.storage.calls) - before - first
    reads = {"documents.read": count + len(RECIPES), "documents.names": 6, "recipes.read": len(RECIPES)}
    assert second == reads  # each lane and recipe once, too
    assert first["documents.read"] == second["documents.read"]


class Watched(Ledger):
    """Counts who refers to a run when the next one has been read and done with."""

    referred = 0

    def readable(self, names: Iterable[str]) -> Iterator[Run]:
        before: Run | None = None
        for run in super().readable(names):
            yield run
            if before is not None:
                self.referred = max(self.referred, sys.getrefcount(before))
            before = run


def test_one_run_is_held_at_a_time() -> None:
    life = with_runs(50)
    passing, keeping = Watched(life.world.ledger), Watched(life.world.ledger)
    daily(life.world, passing)
    assert len(list(keeping.readable(keeping.runs()))) == 50
    assert passing.referred == keeping.referred - 1  # the list
