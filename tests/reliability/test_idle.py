"""Where nothing is to do, an instance does next to nothing, however much there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.app.reconcile import reconcile
from shared.app.sweep import sweep
from tests.app.life import RECIPE, Life, chats

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

MOST_A_TICK = 8  # calls of storage; each minute on Azure
MOST_A_SWEEP, MOST_AN_ENDPOINT = 16, 10  # calls of storage and Azure ML; each quarter of an hour


def at_rest(recipes: int) -> Life:
    life = Life()
    for number in range(recipes):
        life.storage.recipes.put(f"support-{number}", RECIPE)
        life.live(f"support-{number}/a.jsonl", chats(topic=f"topic {number}"))
    for _ in range(3):
        life.tick()
    return life


def asked(life: Life, work: Callable[[], object]) -> Counter[str]:
    """Count the calls of one piece of work, by what is called."""
    before = life.storage.calls + life.azureml.calls + life.notices.calls
    work()
    return life.storage.calls + life.azureml.calls + life.notices.calls - before


@pytest.mark.parametrize("recipes", [1, 8])
def test_the_timer_looks_at_a_few_lists_and_writes_nothing(recipes: int) -> None:
    life = at_rest(recipes)
    spent = asked(life, lambda: reconcile(life.world, life.timing))
    assert 0 < spent.total() <= MOST_A_TICK, spent
    assert set(spent) <= {"documents.names", "documents.read"}, spent
    assert life.storage.steps.take() == []


@pytest.mark.parametrize("recipes", [1, 8])
def test_a_sweep_looks_at_each_endpoint_and_changes_nothing(recipes: int) -> None:
    life = at_rest(recipes)
    sweep(life.world, dry_run=False)
    before = {blob.name: blob.etag for blob in life.storage.documents.box.all()}
    spent = asked(life, lambda: sweep(life.world, dry_run=False))
    after = {blob.name: blob.etag for blob in life.storage.documents.box.all()}
    assert spent.total() <= MOST_A_SWEEP + recipes * MOST_AN_ENDPOINT, spent
    assert {name for name, etag in after.items() if etag != before.get(name)} <= {"sweep/last.json"}
