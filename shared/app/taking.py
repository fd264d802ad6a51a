"""Take one thing away: under its lane's deploy slot, after a fresh look, observed, written down."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.app import going, inventory
from shared.app import lanes as lanes_of
from shared.domain import sweep as policy
from shared.domain import sweep_rules
from shared.domain.errors import Missing
from shared.domain.rollout import without
from shared.domain.sweep import TAKEN
from shared.domain.sweep_holder import holder

if TYPE_CHECKING:
    from shared.app.ledger import Ledger
    from shared.domain.sweep import EndpointFacts, Verdict
    from shared.ports import World

WATCHED = 60.0
LOOKS = 1.0


@dataclass(frozen=True)
class Deed:
    """One thing to take. found: the endpoint as the sweep saw it; ends: when the sweep ends, monotonic."""

    world: World
    ledger: Ledger
    found: EndpointFacts
    verdict: Verdict
    ends: float


def take(deed: Deed) -> bool:
    """Take it, or leave it where the lane is busy or a fresh look says otherwise.

    Tells whether it is gone or going; what is not gone within a minute a later sweep writes down.
    """
    world, recipe = deed.world, deed.verdict.recipe
    mine = holder(world.now(), world.new_id())
    if recipe and lanes_of.take_deploy_slot(world, deed.ledger, recipe, mine).deploying != mine:
        return False
    try:
        return _still_so(deed) and _take(deed)
    finally:
        if recipe:
            lanes_of.give_back(world, deed.ledger, recipe, mine)


def _still_so(deed: Deed) -> bool:
    """Look afresh, right before the deed: tags, traffic, requests. Our own slot is no reason to keep.

    What is gone by now another took: a sweep tells and counts its own deeds, and a crashed one's note stays.
    """
    try:
        fresh = inventory.look_afresh(deed.world, deed.ledger, deed.found.name, deed.found.empty_since)
    except Missing:
        return False
    verdicts = sweep_rules.judge(policy.without_slot(fresh), deed.world.now())
    if deed.verdict.deployment is None:
        return all(one.action == TAKEN for one in verdicts)
    return any(one.key == deed.verdict.key and one.action == TAKEN for one in verdicts)


def _take(deed: Deed) -> bool:
    world, name, deployment = deed.world, deed.found.name, deed.verdict.deployment
    note = going.begin(world, deed.found, deed.verdict)
    if deployment is None:
        world.endpoints.delete(name)
    else:
        _without_traffic(deed, deployment)
        world.endpoints.undeploy(name, deployment)
    until = min(time.monotonic() + WATCHED, deed.ends)
    while not going.gone(world, note):
        if time.monotonic() > until:
            return True
        time.sleep(LOOKS)
    going.write_down(world, deed.ledger, note)
    return True


def _without_traffic(deed: Deed, deployment: str) -> None:
    """Take the traffic off first: Azure deletes no deployment that has some."""
    endpoints = deed.world.endpoints
    try:
        found = endpoints.find(deed.found.name)
    except Missing:
        return
    if not found.traffic.get(deployment):
        return
    endpoints.set_traffic(found.name, without(found.traffic, deployment))
    until = min(time.monotonic() + WATCHED, deed.ends)
    while endpoints.find(found.name).state == "updating" and time.monotonic() < until:
        time.sleep(LOOKS)
