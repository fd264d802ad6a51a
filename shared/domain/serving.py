"""The third part of a run's life: endpoint, deployment, test, traffic."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.domain import causes, general, names, smoke
from shared.domain import lane as lanes
from shared.domain.actions import (
    Action,
    AskChallenger,
    Close,
    CreateDeployment,
    CreateEndpoint,
    Move,
    Note,
    TakeDeploySlot,
    Wait,
)
from shared.domain.errors import Problem
from shared.domain.intake import superseded
from shared.domain.replacing import make_room, way_back
from shared.domain.run import State
from shared.domain.scene import LOST
from shared.domain.smoke import SAMPLES
from shared.domain.sweep_holder import is_dead_sweep, is_sweep

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.domain.facts import Baseline, DeploymentFacts, EndpointFacts, Facts
    from shared.domain.lane import Lane
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.domain.smoke import Answer

MOST_TOLD = 3


def deploying(run: Run, facts: Facts, recipe: Recipe, now: datetime) -> Action:
    """Under the lane's deploy slot: an endpoint, and below it a deployment."""
    if not run.back and facts.lane.newer_than(run.place):
        return superseded(facts)
    if facts.lane.deploying != run.name:
        return _slot(run, facts, now)
    if run.endpoint is None:
        return Note({"endpoint": endpoint_name(run, facts.lane, facts.workspace_id, recipe)})
    if facts.endpoint is None:
        return CreateEndpoint()
    return (
        _endpoint(run, facts.endpoint)
        or make_room(run, facts, recipe, now)
        or _deployment(run, facts.deployment)
    )


def testing(run: Run, facts: Facts, recipe: Recipe, _now: datetime) -> Action:
    """Ask the deployment before it gets traffic."""
    if run.smoke is None:
        return AskChallenger()
    failed = [answer for answer in run.smoke if not answer.passed]
    if failed:
        return _smoke_failed(run, failed, len(run.smoke))
    slowest = max((answer.seconds for answer in run.smoke), default=0.0)
    figures = {"asked": len(run.smoke), "slowest_seconds": slowest} | _facts_told(run.smoke, recipe)
    short = (
        _too_slow(run, slowest, recipe)
        or _facts_wrong(run, run.smoke, recipe)
        or _forgotten(run, run.smoke, recipe, facts.baseline)
    )
    if short is not None:
        return replace(short, figures=figures)
    return Move(State.PROMOTING, _answered(run.smoke), figures=figures)


def _answered(answers: Sequence[Answer]) -> str:
    asked = len(general.of(answers))
    told = f"{len(answers) - asked} of {len(answers) - asked} questions answered"
    return told + (f", {general.right(answers)} of {asked} general ones right" if asked else "")


def _forgotten(
    run: Run, answers: Sequence[Answer], recipe: Recipe, champion: Baseline | None
) -> Close | None:
    fault = general.fault(answers, recipe, champion.answers if champion else ())
    return _failed(run, "smoke-forgot", fault[0], "", fault[1]) if fault else None


def _slot(run: Run, facts: Facts, now: datetime) -> Action:
    def alive(name: str) -> bool:
        if is_sweep(name):
            return not is_dead_sweep(name, now)
        return facts.holds(name)

    after = lanes.take_deploy_slot(lanes.without_dead(facts.lane, alive), run.place)
    if after != facts.lane:
        return TakeDeploySlot()
    return Wait(f"waits for {facts.lane.deploying} to be deployed", "line")


def endpoint_name(run: Run, lane: Lane, workspace_id: str, recipe: Recipe) -> str:
    """Name the endpoint: the run's own, else the one its recipe's runs share."""
    if recipe.serving.endpoint == "per_run":
        return names.endpoint_of_run(run.recipe_name, run.received, run.name)
    return lane.endpoint or names.endpoint(workspace_id, run.recipe_name, lane.generation)


def _endpoint(run: Run, endpoint: EndpointFacts) -> Action | None:
    if not endpoint.ours:
        return next_generation_or_fail(run)
    if endpoint.state in LOST:
        return _failed(run, "endpoint-failed", f"The endpoint {run.endpoint} could not be made.", "")
    return _when_still(endpoint)


def next_generation_or_fail(run: Run) -> Action:
    """Take the next name for the endpoint: this one is somebody else's, or lingers after a deletion."""
    if run.generation >= names.LARGEST_GENERATION or run.recipe is None or run.endpoint is None:
        what = (
            f"No name is left for the endpoint of {run.recipe_name}; the last one tried was {run.endpoint}."
        )
        return _failed(run, "endpoint-name-taken", what, "")
    generation = run.generation + 1
    stem = run.endpoint.removesuffix(f"-g{run.generation}")
    return Note({"endpoint": f"{stem}-g{generation}", "generation": generation})


def _deployment(run: Run, deployment: DeploymentFacts | None) -> Action:
    if deployment is None:
        return CreateDeployment()
    if deployment.state == "succeeded":
        return Move(State.TESTING, f"deployment {run.deployment} is ready")
    if deployment.state in LOST:
        cause = causes.of(deployment.error, deployment.log)
        told = f" ({cause.told})" if cause.told else ""
        why = f": {deployment.error.rstrip('. ')}" if deployment.error else ""
        what = f"The deployment {run.deployment} failed{told}{why}."
        return _failed(run, f"deployment-{cause.code}", what, deployment.log, cause.helps)
    return Wait(f"deployment {run.deployment} is {deployment.state}")


def _when_still(endpoint: EndpointFacts) -> Action | None:
    return None if endpoint.state == "succeeded" else Wait(f"the endpoint is {endpoint.state}")


def _facts_told(answers: Sequence[Answer], recipe: Recipe) -> dict[str, int]:
    facts, asked = recipe.evaluation.facts, len(general.of(answers))
    told = {"facts_right": smoke.facts_right(recipe, answers), "facts": len(facts)} if facts else {}
    return told | ({"general_right": general.right(answers), "general": asked} if asked else {})


def _facts_wrong(run: Run, answers: Sequence[Answer], recipe: Recipe) -> Close | None:
    right, asked = smoke.facts_right(recipe, answers), len(recipe.evaluation.facts)
    least = recipe.evaluation.min_facts
    if not asked or right / asked >= least:
        return None
    what = f"{right} of {asked} facts were answered right; expected evaluation.min_facts ({least:g}) of them."
    return _failed(run, "smoke-facts", what, "", "Train longer, or look at the rows that hold them")


def _too_slow(run: Run, slowest: float, recipe: Recipe) -> Close | None:
    most = recipe.evaluation.max_answer_seconds
    if most is None or slowest <= most:
        return None
    what = f"An answer took {slowest:.1f} s, over evaluation.max_answer_seconds ({most:g})."
    return _failed(run, "smoke-slow", what, "", "Name a faster serving.instance_type, or raise the limit")


def _smoke_failed(run: Run, failed: list[Answer], asked: int) -> Action:
    told = "; ".join(f"{answer.ask!r} {_wrong(answer)}" for answer in failed[:MOST_TOLD])
    what = f"{len(failed)} of {asked} test questions were not answered as they must be: {told}."
    return _failed(run, "smoke-failed", what, "")


def _wrong(answer: Answer) -> str:
    if answer.empty:
        return f"got {SAMPLES} empty answers"
    return f"missed or broke: {', '.join(answer.missing)}"


def _failed(run: Run, code: str, what: str, log: str, helps: str = "") -> Close:
    message = what + (f" The end of its log: {log}" if log else "")
    help_text = f"{helps}. " if helps else ""
    help_text += f"{back}. " if (back := way_back(run)) else ""
    help_text += f"See it with droptune show {run.name}; to try again: droptune retry {run.name}"
    return Close(State.FAILED, what, Problem(code, message, help_text))
