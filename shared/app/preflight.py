"""Look around before a run spends anything: the survey that the preflight's checks are made on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from shared.app import sets
from shared.app.gather import or_none
from shared.domain import preflight as checks
from shared.domain import quiet
from shared.domain.errors import Missing, Permanent, Rejected
from shared.domain.recipe import SERVERLESS
from shared.domain.serving import endpoint_name
from shared.domain.survey import Served, Survey, WayBack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.app.claim import Work
    from shared.domain import actions
    from shared.domain.errors import Problem
    from shared.domain.lane import Champion
    from shared.domain.recipe import Recipe
    from shared.ports import World

Found = TypeVar("Found")


def preflight(work: Work, _action: actions.Preflight) -> None:
    """Keep every finding in the run; `decide` ends it where one is an error."""
    recipe = work.run.recipe
    if recipe is None:
        return
    found = checks.check(work.run, recipe, survey(work, recipe), work.world.now())
    work.update(lambda run: replace(run, preflight=found))


def survey(work: Work, recipe: Recipe) -> Survey:
    """Look at compute, sizes, quotas, endpoints. What this identity may not see is unknown, not a fault."""
    world, run, unknown = work.world, work.run, dict[str, str]()
    lane = work.ledger.lane(run.recipe_name).lane
    endpoint = run.endpoint or endpoint_name(run, lane, world.workspace_id, recipe)
    counts = _look(unknown, "endpoints", world.endpoints.counts) or {}
    known = "endpoints" not in unknown
    _component, inputs = world.models.component(world.component, recipe.base_model.registry)
    named = recipe.compute.name != SERVERLESS
    return Survey(
        inputs=inputs,
        cluster=or_none(lambda: world.computes.find(recipe.compute.name)) if named else None,
        sizes=_look(unknown, "sizes", world.computes.sizes),
        usages=_look(unknown, "usages", world.computes.usages),
        endpoint=endpoint,
        endpoints=len(counts) if known else None,
        deployments=sum(counts.values()) if known else None,
        beside=counts.get(endpoint),
        champion=_served(world, lane.champion),
        way_back=_way_back(world, lane.previous, recipe),
        limits=world.limits,
        unknown=unknown,
        sets=tuple(_sets(world, recipe)),
    )


def _served(world: World, holder: Champion | None) -> Served | None:
    """Look at what one of the lane's deployments runs on; None where there is no such one."""
    if holder is None:
        return None
    found = or_none(lambda: world.endpoints.deployment(holder.endpoint, holder.deployment))
    return Served(found.instance_type, found.instance_count) if found else None


def _way_back(world: World, previous: Champion | None, recipe: Recipe) -> WayBack | None:
    """Look at the previous deployment; past its time the next sweep takes it, but for quiet hours."""
    if previous is None or previous.until is None:
        return None
    over = max(previous.until, world.now())
    until = quiet.until(recipe.cost.quiet_hours, over) or previous.until
    served = _served(world, previous) if until > world.now() else None
    return WayBack(previous.deployment, served, until) if served else None


def _sets(world: World, recipe: Recipe) -> Iterator[Problem]:
    """Read the sets of chats that the recipe names; give what is wrong with them."""
    asked = (
        ("evaluation.dataset", recipe.evaluation.dataset),
        ("evaluation.general", recipe.evaluation.general),
    )
    for field, path in asked:
        if path is not None and path != sets.DEFAULT:
            try:
                sets.named(world, field, path)
            except Rejected as wrong:
                yield wrong.problem


def _look(unknown: dict[str, str], part: str, look: Callable[[], Found]) -> Found | None:
    try:
        return look()
    except (Permanent, Missing) as refused:
        unknown[part] = refused.problem.message
        return None
