"""The way of the traffic: from the champion to the challenger in steps, or back at once.

    shares written down ─► moved ─► seen in place ─► baked ─► the next step … 100 % ─► crowned ─► live
                                         │              └─► back: the champion has it all, the run failed
                                         └─► somebody else's shares: `shared.domain.holding`

Whoever moves the traffic writes the whole endpoint, so what was found is compared before, and what came of
it after: each look does both. Without a champion beside it a challenger goes to 100 % at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from shared.domain import holding
from shared.domain import rollout as steps
from shared.domain.actions import Action, Crown, Depose, Move, MoveTraffic, Note, Wait
from shared.domain.intake import superseded
from shared.domain.rollout import WHOLE, Rollout
from shared.domain.run import State
from shared.domain.scene import GONE, LOST, Scene, failed

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.facts import Facts
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run


def promoting(run: Run, facts: Facts, recipe: Recipe, now: datetime) -> Action:
    """Take the next step with the traffic, or find that there is none to take just now."""
    scene = Scene(run, facts, recipe, now)
    if is_champion(run, facts):
        return _finish(scene)
    if facts.endpoint is None or facts.deployment is None:
        what = f"The deployment {run.deployment} of {run.endpoint} was deleted outside Droptune"
        return failed(run, "deployment-gone", what)
    if facts.endpoint.state in LOST:
        what = f"The endpoint {run.endpoint} is {facts.endpoint.state}: its traffic could not be moved"
        return failed(run, "endpoint-failed", what)
    if facts.endpoint.state != "succeeded":
        return Wait(f"the endpoint is {facts.endpoint.state}")
    if not run.back and facts.lane.newer_than(run.place):
        return superseded(facts)
    if facts.deployment.state in GONE:
        return failed(run, "deployment-failed", f"{run.deployment} is {facts.deployment.state} now")
    return _begin(scene) if run.rollout is None else _go_on(scene, run.rollout)


def is_champion(run: Run, facts: Facts) -> bool:
    """Tell whether the run's deployment is written down as the one with the traffic."""
    return facts.lane.crowned(run.name)


def _begin(scene: Scene) -> Action:
    """Write down what is to happen, where the traffic is as Droptune left it."""
    if scene.has_all:
        return Crown()
    champion, lane = scene.champion, scene.facts.lane.champion
    left = {champion: WHOLE} if champion else {}
    gone = {} if champion or lane is None else {lane.deployment: WHOLE}
    if scene.found.traffic in (left, gone):
        return Note({"rollout": Rollout(before=scene.found, asked=scene.target(0))})
    return holding.begin(scene, left)


def _go_on(scene: Scene, state: Rollout) -> Action:
    if state.held is not None:
        return holding.held(scene, state, state.held)
    if scene.found == state.asked:
        return _in_place(scene, state)
    if scene.found == state.before and state.since is None:
        return MoveTraffic(state.asked.traffic, state.asked.mirror, seen=scene.found)
    return holding.hold(scene, state)


def _in_place(scene: Scene, state: Rollout) -> Action:
    """Bake the shares that are in place, judge them, go on."""
    if scene.has_all:
        return Crown()
    plan = scene.plan
    if state.step >= len(plan) - 1:
        return scene.next(len(plan) - 1, "no champion is left to go back to")
    if state.since is None:
        return _seen(scene, state)
    stage = plan[state.step]
    look = steps.Look(
        champion=scene.facts.figures.get(scene.champion or ""),
        challenger=scene.facts.figures.get(scene.new),
        lasted=scene.now - state.since,
    )
    verdict = steps.judge(scene.recipe.serving, stage, look)
    if verdict.word == "wait":
        return Wait(verdict.reason)
    told: dict[str, Any] = {"step": stage.percent, "verdict": verdict.word, "rule": verdict.rule}
    for name, side in (("challenger", look.challenger), ("champion", look.champion)):
        told |= {f"{name}_{key}": value for key, value in (side.plain() if side else {}).items()}
    if verdict.word == "back":
        what = f"Sent back at {stage.told()}: {verdict.reason}"
        return failed(scene.run, f"rollout-{verdict.rule}", what, told)
    return scene.next(state.step + 1, verdict.reason, told)


def _seen(scene: Scene, state: Rollout) -> Action:
    stage, minutes = scene.plan[state.step], scene.recipe.serving.step_minutes
    return Move(
        State.PROMOTING,
        f"{scene.new} has {stage.told()} of the traffic, for {minutes:g} minutes at least",
        figures=scene.shares,
        changes={"rollout": replace(state, since=scene.now)},
    )


def _finish(scene: Scene) -> Action:
    previous = scene.facts.lane.previous
    if previous and scene.facts.states.get(previous.place.run) is State.LIVE:
        return Depose(previous.place.run)
    share = scene.found.traffic.get(scene.new, 0)
    told = "all the traffic" if share == WHOLE else f"{share} % of the traffic"
    return Move(State.LIVE, f"{scene.new} has {told} of {scene.run.endpoint}", figures=scene.shares)
