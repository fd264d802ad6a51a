"""`serving.strategy: replace`: the champion makes room, the gap is told, and `revive` is the way back."""

from __future__ import annotations

import pytest

from shared.app.people import retry, wish
from shared.app.reviving import revive
from shared.app.rollback import rollback
from shared.domain.errors import Permanent, Transient
from shared.domain.run import Run, State
from tests.app.life import Life, chats

RECIPE = "serving: {rollout: [10, 100], strategy: replace}\nevaluation: {general: null}\n"


class Replacing:
    """A champion in service and a newer model that was trained."""

    def __init__(self) -> None:
        self.life = Life()
        self.life.storage.recipes.put("support", RECIPE)
        self.old = self.life.live("support/a.jsonl", chats(topic="one"))
        self.life.tick()
        self.name = self.life.drop("support/b.jsonl", chats(topic="two"))
        self.life.until(self.name, "training")
        self.life.tick()
        self.together = 0

    def train(self) -> None:
        self.life.train(self.name)

    def until(self, *states: str) -> Run:
        """Go on, counting how many deployments are there at most."""
        for _ in range(60):
            run = self.life.run(self.name)
            self.together = max(self.together, len(self.deployments))
            if run.state in states:
                return run
            self.life.tick()
        raise AssertionError(self.life.run(self.name).reason)

    @property
    def deployments(self) -> list[str]:
        return [one.name for one in self.life.azureml.endpoints.deployments(self.old.endpoint or "")]

    @property
    def traffic(self) -> dict[str, int]:
        return self.life.azureml.endpoints.shares(self.old.endpoint or "")


def test_the_champion_makes_room_and_the_gap_is_told_beforehand() -> None:
    stage = Replacing()
    found = {one.code: one.message for one in stage.life.run(stage.name).preflight or ()}
    assert "will answer nothing from the deletion" in found["serving-downtime"]
    stage.train()
    run = stage.until("live")
    assert stage.together == 1  # never room for two
    assert stage.life.azureml.endpoints.hasty == []
    assert stage.deployments == [run.deployment]
    assert stage.traffic == {run.deployment: 100}
    said = next(change for change in run.history if "replaces" in change.figures)
    assert f"{stage.old.deployment} " in said.reason
    assert f"answers nothing until {run.deployment} is ready and tested" in said.reason
    assert said.figures["revive"] == f"droptune revive support --version {stage.old.model_version}"
    old = stage.life.run(stage.old.name)
    assert old.state is State.RETIRED
    assert f"made room for {run.name}" in old.reason
    lane = stage.life.ledger.lane("support").lane
    assert lane.champion is not None
    assert (lane.champion.place.run, lane.previous) == (run.name, None)


def test_the_way_back_is_to_revive_the_version() -> None:
    stage = Replacing()
    stage.train()
    new = stage.until("live")
    life = stage.life
    with pytest.raises(Permanent, match="no previous deployment"):
        rollback(life.world, life.timing, "support", "ann")
    with pytest.raises(Permanent, match="with the model version 7 is retired"):
        revive(life.world, "support", "ann", "7")
    assert revive(life.world, "support", "ann").name == new.name  # without a version, what serves is enough
    assert revive(life.world, "support", "ann", stage.old.model_version).name == stage.old.name
    back = life.until(stage.old.name, "live")
    assert stage.traffic == {back.deployment: 100}
    assert stage.deployments == [back.deployment]
    assert life.run(new.name).state is State.RETIRED
    champion = life.ledger.lane("support").lane.champion
    assert champion is not None
    assert champion.place.run == back.name


def test_one_that_fails_its_questions_leaves_nothing_and_says_how_to_get_the_old_one_back() -> None:
    stage = Replacing()
    stage.life.azureml.endpoints.answer = lambda *_: ""
    stage.train()
    run = stage.until("failed")
    assert run.problem is not None
    assert run.problem.code == "smoke-failed"
    assert f"droptune revive support --version {stage.old.model_version}" in run.problem.help
    assert stage.deployments == []
    stage.life.azureml.endpoints.answer = lambda *_: "yes"
    revive(stage.life.world, "support", "ann", stage.old.model_version)
    assert stage.life.until(stage.old.name, "live").deployment == stage.old.deployment


def until_said(stage: Replacing) -> None:
    for _ in range(30):
        if any("replaces" in change.figures for change in stage.life.run(stage.name).history):
            return
        stage.life.tick(3)
    raise AssertionError("never said")


def test_a_champion_that_was_making_room_gets_its_traffic_back() -> None:
    """The run is cancelled between the traffic's end and the deletion."""
    stage = Replacing()
    away = Transient("azureml-unavailable", "away")
    stage.life.azureml.fail_next("endpoints.undeploy", away, times=2)
    stage.train()
    until_said(stage)
    assert stage.traffic == {}
    wish(stage.life.world, stage.name, "cancel", "ann")
    stage.until("cancelled")
    assert stage.traffic == {stage.old.deployment: 100}
    assert stage.life.run(stage.old.name).state is State.LIVE
    champion = stage.life.ledger.lane("support").lane.champion
    assert champion is not None
    assert champion.place.run == stage.old.name


def test_a_champion_that_is_gone_is_written_down_whenever_the_run_ends() -> None:
    """The deletion was carried out and its answer lost; then the run is cancelled."""
    stage = Replacing()
    away = Transient("azureml-unavailable", "away")
    stage.life.azureml.fail_next("endpoints.undeploy", away, after=True)
    stage.train()
    until_said(stage)
    while stage.deployments:
        stage.life.tick(20)
    wish(stage.life.world, stage.name, "cancel", "ann")
    stage.until("cancelled")
    assert stage.life.run(stage.old.name).state is State.RETIRED
    assert stage.life.ledger.lane("support").lane.champion is None
    assert stage.deployments == []


def test_a_run_that_failed_after_the_room_was_made_goes_on_when_it_is_tried_again() -> None:
    stage = Replacing()
    stage.life.azureml.endpoints.answer = lambda *_: ""
    stage.train()
    run = stage.until("failed")
    stage.life.azureml.endpoints.answer = lambda *_: "yes"
    retry(stage.life.world, run.name, "ann")
    assert stage.until("live").deployment == run.deployment
