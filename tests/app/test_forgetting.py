"""What was made of a drop can be erased; the drop itself and the models are named and left."""

from __future__ import annotations

import json

import msgspec
import pytest

from shared.app.daily import daily
from shared.app.forgetting import forget
from shared.app.people import retry
from shared.app.reviving import revive
from shared.app.sweep import sweep
from shared.domain.errors import Permanent
from shared.domain.run import State
from tests.app.life import Life, chats
from tests.app.test_sweep import pass_hours, served

SECRET = "the cellar is behind the roses"


def test_a_dry_run_names_and_erases_nothing() -> None:
    life = Life()
    run = life.live()
    found = forget(life.world, "support/a.jsonl", "nora", dry_run=True)
    assert found.runs == [run.name]
    assert found.models == [f"{run.model}:{run.model_version}"]
    assert {name.rsplit("/", 1)[1] for name in found.files} >= {"train.jsonl", "report.html", "report.json"}
    assert sorted(life.world.prepared.names("")) == sorted(found.files)
    assert life.run(run.name).erased is None


def test_what_is_forgotten_is_gone_and_the_drop_is_not() -> None:
    life = Life()
    run = life.live()
    other = life.live("support/b.jsonl", chats(topic="other"))
    forget(life.world, "support/a.jsonl", "nora", dry_run=False)
    assert life.world.prepared.names(f"{run.name}/") == []
    assert life.world.prepared.names(f"{other.name}/") != []
    assert life.world.drops.find("support/a.jsonl").path == "support/a.jsonl"
    assert len(life.azureml.models.versions) == 2
    marked = life.run(run.name)
    assert (marked.erased, marked.erased_by) == (life.at, "nora")
    forget(life.world, "support/a.jsonl", "nora", dry_run=False)


def test_no_word_of_the_data_is_left_in_the_ledger() -> None:
    life = Life()
    chat = [{"role": SECRET, "content": "where?"}, {"role": "assistant", "content": "there"}]
    bad = json.dumps({"messages": chat}).encode() + b"\n"
    name = life.drop(data=chats() + bad)
    life.until(name, "rejected")
    assert SECRET.encode() in msgspec.json.encode(life.run(name))
    forget(life.world, "support/a.jsonl", "nora", dry_run=False)
    assert SECRET.encode() not in msgspec.json.encode(life.run(name))


def test_a_run_on_its_way_must_end_first_and_an_unknown_drop_is_named() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    with pytest.raises(Permanent, match="droptune cancel"):
        forget(life.world, "support/a.jsonl", "nora", dry_run=False)
    with pytest.raises(Permanent, match="No run is of the drop"):
        forget(life.world, "support/b.jsonl", "nora", dry_run=True)


@pytest.mark.parametrize("named", ["support/week/", "support/week"])
def test_a_folder_s_run_on_its_way_must_end_first_however_the_folder_is_named(named: str) -> None:
    life = Life()
    life.storage.drops.put("support/week/train.jsonl", chats())
    name = life.drop("support/week/_SUCCESS", b"")
    life.until(name, "training")
    with pytest.raises(Permanent, match=f"droptune cancel {name}"):
        forget(life.world, named, "ann", dry_run=False)
    assert life.run(name).erased is None


def test_past_its_days_prepared_data_goes_by_itself_but_not_that_of_a_live_run() -> None:
    life = Life()
    life.storage.recipes.put("support", "serving: {rollout: [100]}\nkeep: {prepared_days: 2}\n")
    first = life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    second = life.live("support/b.jsonl", chats(topic="two"))
    life.tick(86_400)
    assert daily(life.world, life.ledger).erased == 0
    life.tick(2 * 86_400)
    assert life.run(first.name).erased is not None
    assert life.run(second.name).erased is None
    assert life.world.prepared.names(f"{second.name}/") != []


def test_a_model_whose_data_was_erased_can_still_be_woken() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    forget(life.world, "support/a.jsonl", "nora", dry_run=False)
    revive(life.world, "support", "nora")
    assert life.until(run.name, "live").state is State.LIVE


def test_the_rows_that_later_models_are_measured_on_go_too() -> None:
    life = Life()
    life.live("support/a.jsonl", chats(topic="one"))
    second = life.live("support/b.jsonl", chats(topic="two"))
    frozen = life.ledger.lane("support").lane.frozen
    assert frozen is not None
    assert second.evaluation is not None
    assert second.evaluation.path == frozen.path
    assert frozen.path in forget(life.world, "support/a.jsonl", "nora", dry_run=True).files
    assert frozen.path not in forget(life.world, "support/b.jsonl", "nora", dry_run=True).files
    forget(life.world, "support/a.jsonl", "nora", dry_run=False)
    for path in life.world.prepared.names(""):
        assert b"one question" not in b"".join(life.world.prepared.read(path)), path
    assert life.ledger.lane("support").lane.frozen is None
    third = life.live("support/c.jsonl", chats(topic="three"))
    again = life.ledger.lane("support").lane.frozen
    assert again is not None
    assert again.run == third.name


def test_rows_that_a_job_is_measured_on_stay_until_it_has_ended() -> None:
    life = Life()
    life.live("support/a.jsonl", chats(topic="one"))
    name = life.drop("support/b.jsonl", chats(topic="two"))
    life.until(name, "training")
    life.tick()
    with pytest.raises(Permanent, match=f"droptune cancel {name}"):
        forget(life.world, "support/a.jsonl", "nora", dry_run=False)
    life.train(name)
    life.until(name, "live")
    forget(life.world, "support/a.jsonl", "nora", dry_run=False)


def test_a_failed_run_whose_data_was_erased_is_not_trained_again() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.azureml.jobs.fail(life.run(name).job or "")
    life.until(name, "failed")
    forget(life.world, "support/a.jsonl", "nora", dry_run=False)
    with pytest.raises(Permanent, match="was erased") as refused:
        retry(life.world, name, "nora")
    assert "droptune drop FILE --recipe support" in refused.value.problem.help
    assert life.run(name).state is State.FAILED


def test_what_is_prepared_after_an_erasure_is_erased_in_its_turn() -> None:
    life = Life()
    life.storage.recipes.put("support", "keep: {prepared_days: 2}\n")
    life.storage.fail_next("recipes.tokenizer", Permanent("no", "no"))
    name = life.drop()
    life.until(name, "failed")
    life.tick(3 * 86_400)
    assert life.run(name).erased is not None
    retry(life.world, name, "nora")
    life.until(name, "training")
    assert life.run(name).erased is None
    life.tick()
    life.azureml.jobs.fail(life.run(name).job or "")
    life.until(name, "failed")
    life.tick(3 * 86_400)
    assert life.run(name).erased is not None
    assert life.world.prepared.names(f"{name}/") == []


def test_a_run_whose_model_was_deleted_fails_at_once_and_gives_its_slot_back() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.train(name)
    life.azureml.fail_next("endpoints.deploy", Permanent("azureml-refused", "no"))
    run = life.until(name, "failed")
    life.world.models.delete(run.model or "", run.model_version or "")
    retry(life.world, name, "nora")
    assert life.until(name, "failed", ticks=3).problem.code == "model-gone"  # type: ignore[union-attr]
    assert life.ledger.lane("support").lane.deploying is None
