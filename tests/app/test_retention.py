"""Old models go by keep.models; what serves or may serve again never does."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shared.app.daily import daily
from shared.app.retention import Models
from shared.app.reviving import revive
from shared.app.sweep import sweep
from shared.domain import names
from shared.domain.errors import Permanent
from shared.domain.run import State, moved
from tests.app.life import Life, chats
from tests.app.test_sweep import SHORT, pass_hours

KEEPS = SHORT + "keep: {models: 1}\n"


def three(life: Life) -> list[str]:
    """Three runs, one after the other; the last is live, the second its way back, the first retired."""
    life.storage.recipes.put("support", KEEPS)
    names = []
    for topic in ("one", "two", "three"):
        names.append(life.live(f"support/{topic}.jsonl", chats(topic=topic)).name)
        life.tick()
        sweep(life.world, dry_run=False)
    return names


def owners(life: Life) -> list[str]:
    return [version.tags["droptune-run"] for version in life.azureml.models.versions]


def test_what_is_over_and_older_than_the_newest_goes() -> None:
    life = Life()
    first, second, third = three(life)
    assert daily(life.world, life.ledger).models == 1
    assert sorted(owners(life)) == sorted([second, third])
    assert life.run(first).model_gone
    assert daily(life.world, life.ledger).models == 0
    with pytest.raises(Permanent, match="A newer model"):
        revive(life.world, "support", "nora", life.run(first).model_version)


def test_the_newest_stays_though_nothing_serves() -> None:
    life = Life()
    runs = three(life)
    pass_hours(life, life.run(runs[2]), 3)
    sweep(life.world, dry_run=False)
    sweep(life.world, dry_run=False)
    daily(life.world, life.ledger)
    assert owners(life) == [runs[2]]
    assert revive(life.world, "support", "nora").name == runs[2]


def test_a_version_that_is_somebody_else_s_stays() -> None:
    life = Life()
    first, *_ = three(life)
    run = life.run(first)
    key = (run.model or "", run.model_version or "")
    found = life.azureml.models._versions[key]
    life.azureml.models._versions[key] = type(found)(found.name, found.version, {}, found.id)
    assert daily(life.world, life.ledger).models == 0
    assert key in life.azureml.models._versions
    assert not life.run(first).model_gone


def test_what_a_person_brings_back_meanwhile_stays() -> None:
    """The pass meets every run before it deletes a model: time enough for a person."""
    life = Life()
    first, *_ = three(life)
    models = Models()
    for run in life.ledger.readable(life.ledger.runs()):
        models.see(run)
    held = life.ledger.load(first)
    life.ledger.save(held, moved(held.run, State.DEPLOYING, "revived by nora", life.at))
    assert models.expire(life.world, life.ledger) == 0
    assert first in owners(life)


def test_the_daily_pass_does_it() -> None:
    life = Life()
    first, *_ = three(life)
    life.tick(86_400)
    assert first not in owners(life)
    assert replace(life.run(first), model_gone=False) != life.run(first)


def test_the_model_of_a_run_that_was_superseded_before_it_was_live_goes_too() -> None:
    life = Life()
    life.storage.recipes.put("support", KEEPS + "on_new_data: parallel\n")
    old = life.drop("support/old.jsonl", chats(topic="old"))
    life.tick()
    new = life.drop("support/new.jsonl", chats(topic="new"))
    life.until(new, "training")
    life.azureml.endpoints.hold(names.deployment(new))
    for name in (new, old):
        life.train(name)
        life.until(name, "deploying")
    life.azureml.endpoints.release(names.deployment(new))
    life.until(new, "live")
    life.until(old, "superseded")
    assert sorted(owners(life)) == sorted([old, new])
    assert daily(life.world, life.ledger).models == 1
    assert owners(life) == [new]


def test_the_same_data_is_trained_again_where_nothing_is_left_of_its_model() -> None:
    life = Life()
    first, *_ = three(life)
    again = life.drop("support/again.jsonl", chats(topic="one"))
    assert life.until(again, "unchanged").same_as == first
    daily(life.world, life.ledger)
    life.tick()
    again = life.drop("support/once-more.jsonl", chats(topic="one"))
    assert life.until(again, "training")
