"""The traffic's way, decided: step by step, back, and somebody else's hand in it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from shared.domain import actions as a
from shared.domain.facts import DeploymentFacts, EndpointFacts, Facts
from shared.domain.lane import Lane
from shared.domain.lifecycle import decide
from shared.domain.recipe import Recipe, Serving
from shared.domain.rollout import Figures, Rollout, Split
from shared.domain.run import State, Wish
from tests.domain.builders import NOON, champion, facts, run

if TYPE_CHECKING:
    from shared.domain.run import Run

UP = DeploymentFacts("succeeded")
GOOD, BAD = Figures(100, 0, 1.0), Figures(100, 50, 1.0)


class Stage:
    """A run in `promoting` beside a champion, and the world as a test wants it."""

    def __init__(self, **serving: Any) -> None:
        recipe = Recipe(serving=Serving(**serving))
        self.run: Run = run(State.PROMOTING, recipe, endpoint="support-12345678", deployment="rnew")
        self.traffic: dict[str, int] = {"rold": 100}
        self.mirror: dict[str, int] = {}
        self.figures: dict[str, Figures] = {}
        self.champion: DeploymentFacts | None = UP
        self.at = NOON

    def look(self) -> a.Action:
        """Decide, and take the decision as done."""
        action = decide(self.run, self.seen(), self.run.recipe, self.at)
        if isinstance(action, a.Note | a.Move):
            self.run = replace(self.run, **action.changes)
        if isinstance(action, a.MoveTraffic):
            assert action.seen == Split(self.traffic, self.mirror)
            self.traffic, self.mirror = dict(action.traffic), dict(action.mirror)
        return action

    def seen(self) -> Facts:
        lane = Lane(recipe="support", champion=champion(), deploying=self.run.name)
        endpoint = EndpointFacts("succeeded", ours=True, traffic=self.traffic, mirror=self.mirror)
        return facts(lane, endpoint=endpoint, deployment=UP, champion=self.champion, figures=self.figures)

    def at_first_step(self) -> Stage:
        for _ in range(3):
            self.look()
        assert self.run.rollout is not None
        assert self.run.rollout.since == NOON
        return self

    def later(self, minutes: float, challenger: Figures = GOOD, old: Figures = GOOD) -> a.Action:
        self.at += timedelta(minutes=minutes)
        self.figures = {"rnew": challenger, "rold": old}
        return self.look()


def code(action: a.Action) -> str:
    assert isinstance(action, a.Close), action
    assert action.state is State.FAILED
    assert action.problem is not None
    assert "droptune retry" in action.problem.help
    return action.problem.code


def test_the_traffic_goes_step_by_step_and_each_is_written_down_first() -> None:
    stage, told = Stage(), []
    for _ in range(20):
        action = stage.later(5)
        told.append((type(action).__name__, dict(stage.traffic)))
        if isinstance(action, a.Crown):
            break
    assert [kind for kind, _traffic in told] == [
        "Note", "MoveTraffic", "Move",  # 10 %
        "Wait", "Move", "MoveTraffic", "Move",  # 50 %
        "Wait", "Move", "MoveTraffic", "Crown",
    ]  # fmt: skip
    shares = [traffic for kind, traffic in told if kind == "MoveTraffic"]
    assert shares == [{"rold": 90, "rnew": 10}, {"rold": 50, "rnew": 50}, {"rnew": 100}]


def test_each_decision_keeps_rule_and_figures() -> None:
    action = Stage().at_first_step().later(10)
    assert isinstance(action, a.Move)
    assert action.state is State.PROMOTING
    assert action.figures == {
        "step": 10, "verdict": "go", "rule": "no-worse",
        "challenger_requests": 100, "challenger_errors": 0, "challenger_p95_seconds": 1.0,
        "champion_requests": 100, "champion_errors": 0, "champion_p95_seconds": 1.0,
    }  # fmt: skip


def test_a_bad_challenger_is_sent_back_with_its_figures() -> None:
    action = Stage().at_first_step().later(1, BAD)
    assert code(action) == "rollout-errors"
    assert isinstance(action, a.Close)
    assert "50 errors of 100 requests" in action.reason
    assert action.figures["challenger_errors"] == 50


def test_a_first_model_goes_to_100_at_once() -> None:
    stage = Stage()
    stage.champion, stage.traffic = None, {}
    assert isinstance(stage.look(), a.Note)
    assert stage.look() == a.MoveTraffic({"rnew": 100}, seen=Split())
    assert stage.look() == a.Crown()


def test_a_champion_that_failed_is_nobody_to_go_back_to() -> None:
    stage = Stage()
    stage.champion = DeploymentFacts("failed")
    stage.look()
    assert stage.look() == a.MoveTraffic({"rnew": 100}, seen=Split({"rold": 100}))


def test_a_champion_that_goes_on_the_way_leaves_the_traffic_to_the_challenger() -> None:
    stage = Stage().at_first_step()
    stage.champion = None
    assert isinstance(stage.look(), a.Move)
    stage.look()
    assert stage.traffic == {"rnew": 100}
    assert stage.look() == a.Crown()


def test_mirrored_copies_bake_first() -> None:
    stage = Stage(strategy="mirror").at_first_step()
    assert (stage.traffic, stage.mirror) == ({"rold": 100}, {"rnew": 10})
    assert code(stage.later(1, BAD)) == "rollout-errors"
    stage.later(9)
    stage.look()
    assert (stage.traffic, stage.mirror) == ({"rold": 90, "rnew": 10}, {})


def test_a_move_whose_answer_was_lost_is_made_again() -> None:
    stage = Stage()
    stage.look()
    first = stage.look()
    stage.traffic = {"rold": 100}
    assert stage.look() == first


# ---- somebody else's hand


def held(stage: Stage) -> Rollout:
    assert stage.run.rollout is not None
    assert stage.run.rollout.held is not None
    return stage.run.rollout


def test_shares_that_somebody_changed_are_told_and_left_alone() -> None:
    stage = Stage().at_first_step()
    stage.traffic = {"rold": 60, "rnew": 40}
    action = stage.look()
    assert isinstance(action, a.Move)
    assert "from rnew 10 %, rold 90 % to rnew 40 %, rold 60 %" in action.reason
    assert action.figures == {"traffic": {"rold": 60, "rnew": 40}}
    held(stage)
    for _ in range(3):
        assert isinstance(stage.later(60, BAD), a.Wait)
    assert stage.traffic == {"rold": 60, "rnew": 40}
    assert code(stage.later(24 * 60)) == "rollout-held"


def test_a_person_who_takes_the_challengers_traffic_away_ends_the_rollout() -> None:
    stage = Stage().at_first_step()
    stage.traffic = {"rold": 100}
    assert code(stage.look()) == "rollout-stopped-outside"
    stage = Stage().at_first_step()
    stage.traffic = {"rold": 60, "rnew": 40}
    stage.look()
    stage.traffic = {"rold": 100}
    assert code(stage.look()) == "rollout-stopped-outside"


def test_a_person_who_gives_it_all_makes_it_the_champion_and_is_told_of() -> None:
    stage = Stage().at_first_step()
    stage.traffic = {"rnew": 100}
    action = stage.look()
    assert isinstance(action, a.Move)
    assert "somebody outside Droptune changed the traffic" in action.reason
    assert stage.look() == a.Crown()
    stage = Stage().at_first_step()
    stage.traffic = {"other": 100}
    assert code(stage.look()) == "rollout-stopped-outside"


def test_the_traffic_as_it_was_lets_the_rollout_go_on_with_a_fresh_bake() -> None:
    stage = Stage().at_first_step()
    stage.traffic = {"rold": 60, "rnew": 40}
    stage.look()
    stage.traffic = {"rold": 90, "rnew": 10}
    stage.at += timedelta(minutes=9)
    stage.look()
    assert stage.run.rollout is not None
    assert (stage.run.rollout.held, stage.run.rollout.since) == (None, None)
    stage.look()
    assert isinstance(stage.later(9), a.Wait)
    assert isinstance(stage.later(1), a.Move)


def test_shares_found_before_the_first_step_are_left_alone_too() -> None:
    stage = Stage()
    stage.traffic = {"rold": 70, "theirs": 30}
    action = stage.look()
    assert isinstance(action, a.Move)
    assert "found rold 70 %, theirs 30 %, expected rold 100 %" in action.reason
    assert isinstance(stage.look(), a.Wait)
    stage.traffic = {"rold": 100}
    assert isinstance(stage.look(), a.Move)
    stage.look()
    assert stage.traffic == {"rold": 90, "rnew": 10}


def test_approve_takes_the_traffic_over_and_reject_ends() -> None:
    stage = Stage()
    stage.traffic = {"rold": 70, "theirs": 30}
    stage.look()
    waiting = stage.run
    stage.run = replace(waiting, wishes=(Wish("approve", "ann", NOON),))
    action = stage.look()
    assert isinstance(action, a.Move)
    assert (action.by, action.consume) == ("ann", "approve")
    stage.look()
    assert stage.traffic == {"rold": 90, "rnew": 10}
    stage.run = replace(waiting, wishes=(Wish("reject", "ann", NOON),))
    assert isinstance(action := stage.look(), a.Close)
    assert (action.state, action.by) == (State.CANCELLED, "ann")


def test_a_crowned_run_does_not_fight_over_its_traffic() -> None:
    stage = Stage()
    lane = Lane(recipe="support", champion=replace(champion(stage.run.name), deployment="rnew"))
    moved = EndpointFacts("succeeded", ours=True, traffic={"rnew": 80, "rold": 20})
    action = decide(stage.run, facts(lane, endpoint=moved, deployment=UP), stage.run.recipe, NOON)
    assert isinstance(action, a.Move)
    assert action.state is State.LIVE
    assert "80 % of the traffic" in action.reason


def test_a_crowned_run_is_live_whatever_became_of_its_deployment() -> None:
    the_run = Stage().run
    lane = Lane(recipe="support", champion=replace(champion(the_run.name), deployment="rnew"))
    broken = EndpointFacts("failed", ours=True, traffic={"rnew": 100})
    for endpoint, deployment in ((broken, UP), (broken, None), (None, None)):
        action = decide(the_run, facts(lane, endpoint=endpoint, deployment=deployment), the_run.recipe, NOON)
        assert isinstance(action, a.Move)
        assert action.state is State.LIVE


# ---- back


def closing(traffic: dict[str, int], mirror: dict[str, int], old: DeploymentFacts | None) -> a.Action:
    the_run = replace(Stage().run, closing=State.FAILED)
    endpoint = EndpointFacts("succeeded", ours=True, traffic=traffic, mirror=mirror)
    lane = Lane(recipe="support", champion=champion(), deploying=the_run.name)
    seen = facts(lane, endpoint=endpoint, deployment=UP, champion=old)
    return decide(the_run, seen, the_run.recipe, NOON)


def test_back_is_one_move_and_takes_only_the_challengers_share() -> None:
    assert closing({"rold": 50, "rnew": 50}, {}, UP) == a.MoveTraffic({"rold": 100})
    assert closing({"rold": 50, "rnew": 20, "x": 30}, {}, UP) == a.MoveTraffic({"rold": 70, "x": 30})
    assert closing({"rold": 100}, {"rnew": 10}, UP) == a.MoveTraffic({"rold": 100})
    assert closing({"rold": 100}, {"x": 10}, UP) == a.DeleteDeployment()


def test_what_has_lost_its_traffic_is_deleted_when_its_requests_are_over() -> None:
    stage = Stage().at_first_step()
    stage.run = replace(stage.run, closing=State.FAILED)
    stage.traffic = {"rold": 100}
    told = [stage.look(), stage.later(1), stage.later(0.49), stage.later(0.01)]
    assert told[0] == a.Note({"drained": {"rnew": NOON}})
    assert [type(action).__name__ for action in told[1:]] == ["Wait", "Wait", "DeleteDeployment"]


def test_what_a_person_gives_traffic_again_drains_anew() -> None:
    stage = Stage().at_first_step()
    stage.run, stage.traffic = replace(stage.run, closing=State.FAILED), {"rold": 100}
    stage.look()
    stage.traffic = {"rold": 50, "rnew": 50}
    assert stage.later(2) == a.Note({"drained": {}})
    assert decide(stage.run, stage.seen(), stage.run.recipe, stage.at) == a.MoveTraffic({"rold": 100})
    stage.traffic = {"rold": 100}
    assert [type(stage.later(1)).__name__ for _ in range(4)] == [
        "Note",
        "Wait",
        "DeleteDeployment",
        "DeleteDeployment",
    ]


def test_what_cannot_answer_is_deleted_at_once() -> None:
    stage = Stage().at_first_step()
    stage.run, stage.traffic = replace(stage.run, closing=State.FAILED), {"rold": 100}
    seen = dataclasses.replace(stage.seen(), deployment=DeploymentFacts("failed"))
    action = decide(stage.run, seen, stage.run.recipe, NOON)
    assert action == a.DeleteDeployment()


def test_without_a_champion_the_largest_other_has_the_share() -> None:
    assert closing({"x": 30, "y": 40, "rnew": 30}, {}, None) == a.MoveTraffic({"x": 30, "y": 70})
    assert closing({"rnew": 100}, {}, DeploymentFacts("failed")) == a.MoveTraffic({})
