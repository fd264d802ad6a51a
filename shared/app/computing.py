"""The machines a job runs on: counted, and made where the recipe says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.app.gather import or_none
from shared.domain import tags
from shared.domain.errors import Misconfigured, Permanent, Transient
from shared.domain.preflight.compute import training_size
from shared.domain.preflight.quota import tier
from shared.domain.recipe import SERVERLESS
from shared.domain.survey import Survey
from shared.ports import ClusterSpec

if TYPE_CHECKING:
    from shared.app.claim import Work
    from shared.domain import actions
    from shared.domain.recipe import Recipe
    from shared.domain.sizes import Size, Tier, Usage
    from shared.ports import World

NO_ROOM = "azureml-no-room"


def machine(world: World, recipe: Recipe) -> Size:
    """Tell what the job runs on: the cluster's size, or the recipe's; raises Misconfigured if not offered."""
    named = recipe.compute.name != SERVERLESS
    cluster = or_none(lambda: world.computes.find(recipe.compute.name)) if named else None
    size = training_size(recipe, cluster)
    found = world.computes.sizes().get(size.lower())
    if found is None:
        raise Misconfigured(
            "size-not-offered",
            f"The size {size} of the compute {recipe.compute.name!r} is not offered in this region.",
            "List those that are: az ml compute list-sizes. Name one in the recipe's compute.size, then drop "
            "again: droptune drop FILE --recipe RECIPE",
        )
    return found


def create_compute(work: Work, _action: actions.CreateCompute) -> None:
    """Begin to make the cluster: dedicated first, low priority where dedicated has no quota."""
    recipe = work.run.recipe
    if recipe is None:
        return
    wanted = tier(recipe, Survey({}, sizes=work.world.computes.sizes(), usages=_usages(work.world)))
    try:
        work.world.computes.create(_spec(work, recipe, wanted))
    except Transient as full:
        if full.problem.code != NO_ROOM or wanted != "dedicated":
            raise
        work.world.computes.create(_spec(work, recipe, "low_priority"))


def _spec(work: Work, recipe: Recipe, wanted: Tier) -> ClusterSpec:
    compute = recipe.compute
    mine = tags.of(work.run, work.world.installation)
    return ClusterSpec(compute.name, compute.size, compute.max_instances, wanted, mine)


def _usages(world: World) -> tuple[Usage, ...] | None:
    try:
        return world.computes.usages()
    except Permanent:
        return None  # this identity may not see them; Azure ML itself says no then
