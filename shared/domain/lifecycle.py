"""`decide`: the run's next action, from what is written about it and what was found in the world.

received ─► validating ─► [awaiting_approval] ─► queued ─► training ─► [awaiting_approval]
   ─► registering ─► deploying ─► testing ─► promoting ─► live

From everywhere a run may close: its job is cancelled, its deployment deleted, its slots are freed, and
only then its end is written. Pure: no I/O, no clock, no chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain import draining, intake, promoting, replacing, scene, serving, training
from shared.domain.actions import (
    Action,
    CancelJob,
    Close,
    DeleteDeployment,
    DeleteEndpoint,
    End,
    Free,
    MoveTraffic,
    Wait,
)
from shared.domain.run import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from shared.domain.facts import DeploymentFacts, EndpointFacts, Facts
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run

STEPS: Mapping[State, Callable[[Run, Facts, Recipe, datetime], Action]] = {
    State.VALIDATING: intake.validating,
    State.AWAITING_APPROVAL: intake.awaiting_approval,
    State.QUEUED: intake.queued,
    State.TRAINING: training.training,
    State.REGISTERING: training.registering,
    State.DEPLOYING: serving.deploying,
    State.TESTING: serving.testing,
    State.PROMOTING: promoting.promoting,
}


def decide(run: Run, facts: Facts, recipe: Recipe | None, now: datetime) -> Action:
    """Choose what the run does next; it has not ended. recipe: the run's own copy, None where it has none."""
    if not promoting.is_champion(run, facts):
        ending = _ending(run, facts, now)
        if ending is not None:
            return ending
    if run.state is State.RECEIVED or recipe is None:
        return intake.received(run, facts)
    return STEPS[run.state](run, facts, recipe, now)


def _ending(run: Run, facts: Facts, now: datetime) -> Action | None:
    """Go on with the end that was begun, or begin the one a person or a newer run asks for.

    Never asked for a champion: the traffic is on it, so it goes on to `live`.
    """
    if run.closing is not None:
        return closing(run, facts, now)
    wish = run.wish("cancel")
    if wish is not None:
        reason = f"cancelled by {wish.by}" + (f": {wish.reason}" if wish.reason else "")
        return Close(State.CANCELLED, reason, by=wish.by)
    wish = run.wish("replace")
    return Close(State.SUPERSEDED, wish.reason, by=wish.by) if wish is not None else None


def closing(run: Run, facts: Facts, now: datetime) -> Action:
    """Take away what the run made and must not leave, then its slots, then write the end."""
    if facts.job is not None and not facts.job.over and facts.job.ours:
        if facts.job.status == "cancelrequested":
            return Wait("Azure ML is ending the job", "poll")
        return CancelJob()
    if facts.deployment is not None:
        return _undeploy(run, facts, facts.deployment, now)
    if (given := replacing.give_back(run, facts)) is not None:
        return given
    if facts.endpoint is not None and facts.endpoint.ours and _goes_too(run, facts, facts.endpoint):
        return Wait("Azure ML is deleting the endpoint") if _going(facts.endpoint.state) else DeleteEndpoint()
    if run.name in facts.lane.named():
        return Free()
    return End()


def _undeploy(run: Run, facts: Facts, found: DeploymentFacts, now: datetime) -> Action:
    if _going(found.state):
        return Wait("Azure ML is deleting the deployment")
    if facts.endpoint is None or run.deployment is None:
        return DeleteDeployment()
    shares = scene.split(facts.endpoint)
    has_share = run.deployment in shares.traffic or run.deployment in shares.mirror
    served = run.rollout is not None and found.state not in scene.GONE
    if (has_share or served) and facts.endpoint.state == "updating":
        return Wait("Azure ML is moving the traffic")
    if has_share:
        back = scene.back_to(facts, run.deployment)
        return draining.resumed(run, run.deployment) or MoveTraffic(back.traffic, back.mirror)
    waits = draining.drain(run, run.deployment, now) if served else None
    return waits or DeleteDeployment()


def _goes_too(run: Run, facts: Facts, endpoint: EndpointFacts) -> bool:
    """Tell whether the endpoint goes with the run: its own, or one that never came up."""
    if run.recipe is not None and run.recipe.serving.endpoint == "per_run":
        return True
    unused = facts.lane.champion is None and not endpoint.traffic
    return endpoint.state in scene.LOST and unused and facts.lane.deploying == run.name


def _going(state: str) -> bool:
    return state == "deleting"
