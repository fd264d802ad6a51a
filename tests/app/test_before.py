"""A run's report says what is new since the data set of the model in service."""

from __future__ import annotations

import pytest

from shared.app import views
from shared.datasets import Report
from tests.app.life import RECIPE, Life, chats


def report(life: Life, name: str) -> Report:
    prepared = life.run(name).prepared
    assert prepared is not None
    return Report.from_json(b"".join(life.world.prepared.read(f"{prepared.folder}/report.json")))


def since(life: Life, name: str) -> str | None:
    found = report(life, name).since
    return found.name if found else None


def test_the_first_data_set_of_a_recipe_is_held_against_none() -> None:
    life = Life()
    assert since(life, life.drop()) is None


def test_a_data_set_is_held_against_the_champions() -> None:
    life = Life()
    champion = life.live()
    life.tick()
    name = life.drop("support/b.jsonl", chats(60))
    found = report(life, name).since
    assert found is not None
    assert (found.name, found.then.rows.total, found.now.rows.total) == (champion.name, 40, 60)
    assert (found.new.value, found.gone.value) == (20 / 60, 0)


def test_almost_the_same_again_is_said_in_the_run_and_on_the_page() -> None:
    life = Life()
    champion = life.live(data=chats(100))
    life.tick()
    run = life.run(life.drop("support/b.jsonl", chats(101)))
    assert run.prepared is not None
    assert run.prepared.counts["DT701"] == 1
    assert champion.name in run.prepared.findings[0]["found"]
    assert views.whole(run)["since"] == (
        f"since {champion.name}: 1.0% of the rows are new, 0.0% of the earlier ones are gone"
    )
    page = b"".join(life.world.prepared.read(f"{run.prepared.folder}/report.html")).decode()
    assert champion.name in page


def test_a_recipe_may_reject_almost_the_same_before_it_costs() -> None:
    life = Life()
    life.storage.recipes.put("support", RECIPE + "checks: {DT701: error}\n")
    life.live(data=chats(100))
    life.tick()
    name = life.drop("support/b.jsonl", chats(101))
    run = life.until(name, "rejected")
    assert "almost the same" in run.reason
    assert run.job is None


def test_without_a_champion_the_newest_trained_on_is_taken() -> None:
    life = Life()
    first = life.drop()
    life.until(first, "training")
    life.tick()
    rejected = life.drop("support/b.jsonl", b"oops\n")
    life.tick()
    assert since(life, rejected) is None
    assert since(life, life.drop("support/c.jsonl", chats(60))) == first


def test_data_that_came_to_no_model_counts_for_nothing() -> None:
    life = Life()
    failed = life.drop()
    life.until(failed, "training")
    job = life.run(failed).job
    assert job is not None
    life.azureml.jobs.fail(job)
    life.until(failed, "failed")
    life.tick()
    assert since(life, life.drop("support/b.jsonl", chats(60))) is None


@pytest.mark.parametrize("data", [None, b"no report", b'{"version": 99}'])
def test_an_earlier_report_that_is_gone_or_unreadable_is_no_error(data: bytes | None) -> None:
    life = Life()
    prepared = life.live().prepared
    assert prepared is not None
    path = f"{prepared.folder}/report.json"
    if data is None:
        life.storage.prepared.box.delete(path)
    else:
        life.storage.prepared.box.write(path, data)
    life.tick()
    name = life.drop("support/b.jsonl", chats(60))
    assert since(life, name) is None
    assert life.run(name).state != "failed"
