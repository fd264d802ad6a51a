"""What a recipe spends this month, for its budget: by list prices, and unknown where one of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain import cost, spending
from shared.domain.errors import Permanent
from shared.domain.month import Month
from shared.domain.run import State
from shared.domain.sweep import total

if TYPE_CHECKING:
    from datetime import datetime

    from shared.app.ledger import Ledger
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.domain.sizes import Tier
    from shared.ports import World


COMING = frozenset({State.QUEUED, State.TRAINING})


def hourly(world: World, size: str, tier: Tier = "dedicated") -> float | None:
    """Price a machine; unknown where this identity may not know the region. What may pass is tried again."""
    try:
        return world.prices.hourly_usd(size, world.computes.location(), tier)
    except Permanent:
        return None


def serving_hourly(world: World, recipe: Recipe) -> float | None:
    """Price an hour of what the recipe serves with."""
    found = hourly(world, recipe.serving.instance_type)
    return None if found is None else found * recipe.serving.instance_count


def this_month(world: World, ledger: Ledger, run: Run, recipe: Recipe) -> Month:
    """Add up what the recipe's other runs took this month, and what serving this one will take of it.

    A job under way, or that waits for its turn, counts as what it was foretold to take, if that is more.
    """
    now = world.now()
    since = spending.first_of(now)
    others = [one for one in ledger.of_recipe(run.recipe_name) if one.name != run.name]
    limit = min(recipe.cost.idle_hours + recipe.cost.grace_hours, spending.hours_left(now))
    ahead = serving_hourly(world, recipe)
    return Month(
        training_usd=_sum([_trained(one, now, since) for one in others]),
        serving_usd=_sum([_served(world, one, since, now) for one in others]),
        ahead_usd=None if ahead is None else round(ahead * limit, 2),
    )


def _trained(run: Run, now: datetime, since: datetime) -> float | None:
    """Price what the run's jobs took since then, and what is to come of a run that trains or is about to."""
    took = cost.spent(run, now, since)
    if took is None or run.state not in COMING or run.estimate is None or run.estimate.usd is None:
        return took
    return max(took, run.estimate.usd[1])


def _served(world: World, run: Run, since: datetime, now: datetime) -> float | None:
    """Price what the run's deployment billed since then, at today's price."""
    took = spending.served_hours(run, since, now)
    price = serving_hourly(world, run.recipe) if took and run.recipe else 0.0
    return None if price is None else took * price


def _sum(parts: list[float | None]) -> float | None:
    found = total(parts)
    return None if found is None else round(found, 2)
