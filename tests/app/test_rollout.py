"""Rollouts on fakes: whole lives of a champion and its challengers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app.people import retry, wish
from shared.app.rollback import rollback
from shared.domain.errors import Busy, Permanent, Transient
from shared.domain.run import Run, State
from tests.app.life import Life, chats

STEPS = "serving: {rollout: [10, 50, 100], step_minutes: 5, min_requests: 20, wait_hours: 2}\n"


class Rollout:
    """A champion, and a challenger that has come to `promoting`."""

    def __init__(self, recipe: str = STEPS) -> None:
        self.life = Life()
        self.old = self.life.live("support/a.jsonl", chats(topic="one"))
        self.life.storage.recipes.put("support", recipe)
        self.life.tick()
        self.name = self.challenger("support/b.jsonl", "two")

    def challenger(self, path: str, topic: str) -> str:
        name = self.life.drop(path, chats(topic=topic))
        self.life.until(name, "training")
        self.life.tick()
        self.life.train(name)
        self.life.until(name, "promoting")
        return name

    @property
    def run(self) -> Run:
        return self.life.run(self.name)

    @property
    def traffic(self) -> dict[str, int]:
        return dict(self.life.azureml.endpoints.find(self.old.endpoint or "").traffic)

    @property
    def deployments(self) -> list[str]:
        found = self.life.azureml.endpoints.deployments(self.old.endpoint or "")
        return [one.name for one in found]

    def shares(self, old: int, new: int) -> dict[str, int]:
        both = {self.old.deployment or "": old, self.run.deployment or "": new}
        return {name: share for name, share in both.items() if share}

    def ask(self, count: int, *, bad: int = 0, seconds: float = 1.0) -> None:
        """Let people ask both, this minute; `bad` of the challenger's answers are errors."""
        monitor, endpoint = self.life.azureml.monitor, self.old.endpoint or ""
        for name in (self.old.deployment, self.run.deployment):
            monitor.asked(endpoint, name or "", self.life.at, count, seconds=seconds)
        if bad:
            monitor.asked(endpoint, self.run.deployment or "", self.life.at, bad, status=500)

    def until_share(self, share: int) -> None:
        for _ in range(30):
            if self.traffic.get(self.run.deployment or "") == share:
                return
            self.life.tick()
            self.ask(30)
        raise AssertionError(f"{self.traffic}: {self.run.reason}")


def told(run: Run) -> list[str]:
    return [f"{change.state}: {change.reason}" for change in run.history]


def test_a_better_challenger_goes_live_in_steps_and_the_history_tells_each() -> None:
    stage = Rollout()
    for share in (10, 50):
        stage.until_share(share)
        assert stage.traffic == stage.shares(100 - share, share)
    run = stage.life.until(stage.name, "live")
    assert stage.traffic == stage.shares(0, 100)
    steps = [c.figures for c in run.history if c.figures.get("verdict")]
    assert [(step["step"], step["verdict"], step["rule"]) for step in steps] == [
        (10, "go", "no-worse"),
        (50, "go", "no-worse"),
    ]
    assert all(step["challenger_requests"] >= 20 for step in steps)
    seen = [c.figures["traffic"] for c in run.history if "traffic" in c.figures]
    assert seen == [stage.shares(90, 10), stage.shares(50, 50), stage.shares(0, 100)]
    assert stage.life.run(stage.old.name).state is State.SUPERSEDED


def test_a_challenger_that_fails_under_traffic_is_sent_back_at_once_and_taken_away() -> None:
    stage = Rollout()
    stage.until_share(10)
    stage.life.tick()  # past the minute of our own questions
    moves = stage.life.azureml.count("set_traffic")
    stage.ask(20, bad=20)
    stage.life.tick()
    stage.life.tick(20)
    assert stage.life.azureml.count("set_traffic") == moves + 1
    assert stage.traffic == {stage.old.deployment: 100}
    assert len(stage.deployments) == 2  # what it was asked before is answered
    run = stage.life.until(stage.name, "failed", ticks=3)
    assert stage.life.azureml.endpoints.hasty == []
    assert stage.deployments == [stage.old.deployment]
    assert run.problem is not None
    assert run.problem.code == "rollout-errors"
    assert run.history[-1].figures["challenger_errors"] == 20
    assert stage.life.run(stage.old.name).state is State.LIVE
    assert stage.life.ledger.lane("support").lane.deploying is None
    assert run.history[-1].figures["traffic"] == {stage.old.deployment: 100}


def test_a_slow_challenger_is_sent_back() -> None:
    stage = Rollout()
    stage.until_share(10)
    monitor, endpoint = stage.life.azureml.monitor, stage.old.endpoint or ""
    stage.life.tick()
    monitor.asked(endpoint, stage.run.deployment or "", stage.life.at, 500, seconds=9.0)
    monitor.asked(endpoint, stage.old.deployment or "", stage.life.at, 500, seconds=1.0)
    run = stage.life.until(stage.name, "failed")
    assert run.problem is not None
    assert run.problem.code == "rollout-slower"


def test_our_own_questions_are_nobodys_traffic() -> None:
    stage = Rollout(STEPS.replace("wait_hours: 2", "wait_hours: 2, little_traffic: back"))
    run = stage.life.until(stage.name, "failed")
    assert run.problem is not None
    assert run.problem.code == "rollout-too-little-traffic"
    assert run.history[-1].figures["challenger_requests"] == 0


def test_too_little_traffic_goes_on_by_the_recipes_rule_and_says_so() -> None:
    stage = Rollout()
    run = stage.life.until(stage.name, "live")
    assert sum("0 requests are too few to tell" in line for line in told(run)) == 2


def test_figures_that_cannot_be_read_move_nothing_and_end_in_time() -> None:
    stage = Rollout()
    stage.until_share(10)
    away = Transient("azureml-unavailable", "away")
    stage.life.azureml.fail_next("monitor.outcomes", away, times=100_000)
    for _ in range(10):
        stage.life.tick()
    assert stage.traffic == stage.shares(90, 10)
    assert "cannot be read" in stage.run.reason
    run = stage.life.until(stage.name, "failed", ticks=150)
    assert run.problem is not None
    assert run.problem.code == "rollout-figures-unknown"
    assert stage.traffic == {stage.old.deployment: 100}


def test_a_persons_shares_are_respected_until_the_rollout_may_go_on() -> None:
    stage = Rollout()
    stage.until_share(10)
    stage.life.azureml.endpoints.set_traffic(stage.old.endpoint or "", stage.shares(70, 30))
    for _ in range(20):
        stage.life.tick()
        stage.ask(5, bad=50)
    assert stage.traffic == stage.shares(70, 30)
    assert any("changed the traffic from" in line for line in told(stage.run))
    wish(stage.life.world, stage.name, "approve", "ann")
    stage.life.tick()
    stage.until_share(10)
    assert stage.run.history[-2].by == "ann"


def test_only_a_held_rollout_can_be_approved() -> None:
    stage = Rollout()
    with pytest.raises(Permanent, match="only a run in awaiting_approval"):
        wish(stage.life.world, stage.name, "approve", "ann")


def test_a_person_who_moved_the_traffic_between_look_and_write_is_not_overwritten() -> None:
    stage = Rollout()
    stage.until_share(10)
    endpoints, theirs = stage.life.azureml.endpoints, stage.shares(65, 35)
    find, looks = endpoints.find, 0

    def meanwhile(name: str) -> object:
        nonlocal looks
        found = find(name)
        if found.traffic == stage.shares(90, 10) and stage.run.rollout and stage.run.rollout.step == 1:
            looks += 1
            if looks == 1:
                endpoints.set_traffic(name, theirs)
        return found

    endpoints.find = meanwhile  # type: ignore[method-assign,assignment]
    for _ in range(12):
        stage.life.tick()
        stage.ask(30)
    assert looks
    assert dict(find(stage.old.endpoint or "").traffic) == theirs


def test_a_cancelled_rollout_gives_the_traffic_back() -> None:
    stage = Rollout()
    stage.until_share(50)
    wish(stage.life.world, stage.name, "cancel", "ann")
    stage.life.until(stage.name, "cancelled")
    assert stage.traffic == {stage.old.deployment: 100}
    assert stage.deployments == [stage.old.deployment]


@pytest.mark.parametrize("state", ["failed", "canceled"])
def test_an_endpoint_that_fails_while_its_traffic_moves_ends_the_rollout(state: str) -> None:
    stage = Rollout()
    stage.until_share(10)
    stage.life.azureml.endpoints.fail(stage.old.endpoint or "", state=state)
    ended = stage.life.until(stage.name, "failed")
    assert ended.problem is not None
    assert ended.problem.code == "endpoint-failed"
    assert stage.traffic == {stage.old.deployment: 100}
    assert stage.deployments == [stage.old.deployment]
    assert stage.life.ledger.lane("support").lane.deploying is None
    retry(stage.life.world, stage.name, "ann")
    assert stage.life.until(stage.name, "promoting")


def test_a_failed_rollout_can_be_tried_again_from_its_deployment() -> None:
    stage = Rollout()
    stage.until_share(10)
    stage.ask(20, bad=20)
    stage.life.until(stage.name, "failed")
    stage.life.at += timedelta(minutes=10)
    retry(stage.life.world, stage.name, "ann")
    stage.life.until(stage.name, "live")
    assert stage.traffic == stage.shares(0, 100)


def test_the_next_in_line_waits_for_the_rollout_to_end() -> None:
    stage = Rollout(STEPS + "on_new_data: parallel\n")
    stage.until_share(10)
    name = stage.life.drop("support/c.jsonl", chats(topic="three"))
    stage.life.until(name, "training")
    stage.life.tick()
    stage.life.train(name)
    stage.life.until(name, "deploying")
    assert stage.life.ledger.lane("support").lane.deploying == stage.name
    with pytest.raises(Busy, match="is being deployed"):
        rollback(stage.life.world, stage.life.timing, "support", "ann")
    stage.life.until(stage.name, "live")
    stage.life.until(name, "live")
    assert stage.life.run(stage.name).state is State.SUPERSEDED


def test_copies_go_to_the_challenger_first_where_the_recipe_mirrors() -> None:
    stage = Rollout(STEPS.replace("rollout:", "strategy: mirror, rollout:"))
    for _ in range(2):
        stage.life.tick()
    found = stage.life.azureml.endpoints.find(stage.old.endpoint or "")
    assert (dict(found.traffic), dict(found.mirror)) == (stage.shares(100, 0), stage.shares(0, 10))
    run = stage.life.until(stage.name, "live")
    assert any("has copies of 10 % of the traffic" in line for line in told(run))
    assert stage.life.azureml.endpoints.find(stage.old.endpoint or "").mirror == {}
