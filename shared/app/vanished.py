"""What people deleted outside Droptune: written out of the lane, its run ended, told.

Else its run would be live for ever, and count as serving in each month's budget.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared.app import going
from shared.app import lanes as lanes_of
from shared.app.going import Going
from shared.domain import names
from shared.domain.errors import DroptuneError
from shared.domain.sweep_holder import holder

if TYPE_CHECKING:
    from shared.app.inventory import Survey
    from shared.app.ledger import Ledger
    from shared.domain.lane import Champion, Lane
    from shared.ports import World

log = logging.getLogger(__name__)
LANES = "lanes/"
RULE, REASON = "deleted-outside", "it was deleted outside Droptune"


def write_down(world: World, ledger: Ledger, found: Survey) -> None:
    """Write down what the lanes name and the survey did not find; what it could not look at may be there."""
    for entry in list(world.ledger.names(LANES)):
        recipe = entry.name.removeprefix(LANES).removesuffix(".json")
        try:
            for one in _named(ledger.lane(recipe).lane):
                if not _seen(found, one) and _is_the_place(world, found, recipe, one):
                    _write_down(world, ledger, recipe, one)
        except DroptuneError as error:
            log.warning("sweep: the lane of %s is not compared: %s", recipe, error.problem.code)


def _named(lane: Lane) -> list[Champion]:
    return [one for one in (lane.champion, lane.previous) if one is not None]


def _seen(found: Survey, one: Champion) -> bool:
    if one.endpoint in found.errors:
        return True
    facts = found.facts.get(one.endpoint)
    return facts is not None and any(known.name == one.deployment for known in facts.deployments)


def _is_the_place(world: World, found: Survey, recipe: str, one: Champion) -> bool:
    """Tell whether this is the workspace that it was made in: a wrong setting ends no run.

    An endpoint's name holds the workspace's digest; that of one run's own does not: others of ours prove it.
    """
    own = one.endpoint.startswith(names.endpoint(world.workspace_id, recipe))
    return own or any(facts.ours for facts in found.facts.values())


def _write_down(world: World, ledger: Ledger, recipe: str, one: Champion) -> None:
    """Look afresh under the deploy slot, for a run or a sweep may have taken it away just now."""
    mine = holder(world.now(), world.new_id())
    lane = lanes_of.take_deploy_slot(world, ledger, recipe, mine)
    if lane.deploying != mine:
        return
    try:
        note = Going(
            endpoint=one.endpoint,
            deployment=one.deployment,
            recipe=recipe,
            rule=RULE,
            reason=REASON,
            at=world.now(),
            deployments={one.deployment: one.place.run},
        )
        if one in _named(lane) and not going.is_noted(world, one.endpoint) and going.gone(world, note):
            going.write_down(world, ledger, note)
            log.warning("sweep: %s of %s was deleted outside Droptune", one.deployment, one.endpoint)
    finally:
        lanes_of.give_back(world, ledger, recipe, mine)
