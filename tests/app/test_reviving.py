"""A hibernated model comes back at its address; twice is once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app.reviving import revive
from shared.app.sweep import sweep
from shared.domain.errors import Permanent
from shared.domain.run import State
from tests.app.life import Life, chats
from tests.app.test_sweep import SHORT, pass_hours, served

HIBERNATES = SHORT.replace("delete", "hibernate")


@pytest.mark.parametrize("recipe", [HIBERNATES, SHORT], ids=["hibernated", "deleted"])
def test_a_retired_model_comes_back_into_service(recipe: str) -> None:
    life = Life()
    run = served(life, recipe)
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    assert life.run(run.name).state is State.RETIRED
    woken = revive(life.world, "support", "nora")
    assert (woken.state, woken.history[-1].by) == (State.DEPLOYING, "nora")
    assert revive(life.world, "support", "otto").name == run.name
    back = life.until(run.name, "live")
    assert [change.by for change in back.history].count("otto") == 0
    assert back.endpoint == run.endpoint
    assert life.world.endpoints.find(back.endpoint or "").traffic == {run.deployment: 100}
    champion = life.ledger.lane("support").lane.champion
    assert champion is not None
    assert champion.place.run == run.name
    assert life.azureml.count("jobs.submit") == 1
    assert revive(life.world, "support", "nora").state is State.LIVE
    assert [v.rule for v in sweep(life.world, dry_run=False).verdicts] == ["too-young"]
    pass_hours(life, run, 2)
    assert len(sweep(life.world, dry_run=False).taken) == 1


def test_a_version_is_chosen_and_an_older_one_than_that_in_service_refused() -> None:
    life = Life()
    first = served(life)
    pass_hours(life, first, 2)
    sweep(life.world, dry_run=False)
    second = life.live("support/b.jsonl", chats(topic="two"))
    with pytest.raises(Permanent, match="A newer model"):
        revive(life.world, "support", "nora", first.model_version)
    pass_hours(life, second, 2)
    sweep(life.world, dry_run=False)
    assert revive(life.world, "support", "nora", first.model_version).name == first.name


def test_where_there_is_nothing_to_bring_back_it_is_said() -> None:
    life = Life()
    with pytest.raises(Permanent, match="no model to bring back"):
        revive(life.world, "support", "nora")
    run = served(life)
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    with pytest.raises(Permanent, match="version 7 is retired") as caught:
        revive(life.world, "support", "nora", "7")
    assert caught.value.problem.help == f"Those that can come back: {run.model_version}."
    life.azureml.models._versions.clear()
    with pytest.raises(Permanent, match="not registered any more"):
        revive(life.world, "support", "nora")


def test_a_woken_run_whose_model_fails_its_questions_leaves_nothing_that_bills() -> None:
    life = Life()
    run = served(life)
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    life.azureml.endpoints.answer = lambda *_: ""
    revive(life.world, "support", "nora")
    failed = life.until(run.name, "failed")
    assert failed.problem is not None
    assert failed.problem.code == "smoke-failed"
    found = [one for e in life.world.endpoints.all() for one in life.world.endpoints.deployments(e.name)]
    assert found == []
    life.at += timedelta(minutes=1)
