"""Take one thing away: under its lane's deploy slot, after a fresh look, observed, written down."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.app import inventory, own_requests
from shared.app import lanes as lanes_of
from shared.domain import lane as lanes
from shared.domain import run as runs
from shared.domain import sweep as policy
from shared.domain.errors import Changed, Missing
from shared.domain.run import State
from shared.domain.sweep import TAKEN
from shared.domain.sweep_holder import holder
from shared.domain.tags import RUN

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.app.ledger import Ledger
    from shared.domain.lane import Lane
    from shared.domain.sweep import DeploymentFacts, EndpointFacts, Verdict
    from shared.ports import World

WATCHED = timedelta(seconds=60)
LOOKS = 1.0
TRIES = 10


def take(world: World, ledger: Ledger, found: EndpointFacts, verdict: Verdict) -> bool:
    """Take it, or leave it where the lane is busy or a fresh look says otherwise; tell whether it went."""
    mine, recipe = holder(world.now(), world.new_id()), verdict.recipe
    if recipe and lanes_of.take_deploy_slot(world, ledger, recipe, mine).deploying != mine:
        return False
    try:
        return _still_so(world, ledger, found, verdict) and _take(world, ledger, found, verdict)
    finally:
        if recipe:
            lanes_of.give_back(world, ledger, recipe, mine)


def _still_so(world: World, ledger: Ledger, found: EndpointFacts, verdict: Verdict) -> bool:
    """Look afresh, right before the deed: tags, traffic, requests. Our own slot is no reason to keep."""
    try:
        endpoint = world.endpoints.find(found.name)
    except Missing:
        return True  # gone already; what is left is to write it down
    fresh = inventory.look(world, ledger, endpoint, inventory.agreed_installation(world))
    free = policy.without_slot(fresh)
    return any(v.key == verdict.key and v.action == TAKEN for v in policy.judge(free, world.now()))


def _take(world: World, ledger: Ledger, found: EndpointFacts, verdict: Verdict) -> bool:
    if verdict.deployment is None:
        world.endpoints.delete(found.name)
        gone = _watch(world, lambda: world.endpoints.find(found.name))
    else:
        _without_traffic(world, found.name, verdict.deployment)
        world.endpoints.undeploy(found.name, verdict.deployment)
        gone = _watch(world, lambda: world.endpoints.deployment(found.name, verdict.deployment or ""))
    if gone:
        _write_down(world, ledger, found, verdict)
    return gone


def _without_traffic(world: World, endpoint: str, deployment: str) -> None:
    """Take the traffic off first: Azure deletes no deployment that has some."""
    try:
        found = world.endpoints.find(endpoint)
    except Missing:
        return
    if found.traffic.get(deployment):
        world.endpoints.set_traffic(endpoint, {n: s for n, s in found.traffic.items() if n != deployment})
        until = world.now() + WATCHED
        while world.endpoints.find(endpoint).state == "updating" and world.now() < until:
            time.sleep(LOOKS)


def _watch(world: World, look: Callable[[], object]) -> bool:
    """Watch a deletion to its end for a minute; what takes longer the next sweep writes down."""
    until = world.now() + WATCHED
    while world.now() < until:
        try:
            look()
        except Missing:
            return True
        time.sleep(LOOKS)
    return False


def _write_down(world: World, ledger: Ledger, found: EndpointFacts, verdict: Verdict) -> None:
    """Write what is gone out of the lane and end its runs."""
    gone = [d for d in found.deployments if verdict.deployment in {None, d.name}]

    def alter(lane: Lane) -> Lane:
        if verdict.deployment is None:
            return lanes.without_endpoint(lane, found.name)
        return lanes.without_deployment(lane, found.name, verdict.deployment)

    if verdict.recipe:
        lanes_of.change(ledger, verdict.recipe, alter)
    for deployment in gone:
        _retire(world, ledger, deployment, verdict)
    if verdict.deployment is None:
        own_requests.forget(world, found.name)


def _retire(world: World, ledger: Ledger, gone: DeploymentFacts, verdict: Verdict) -> None:
    """End the run whose own deployment went; another that bears its tag ends nothing."""
    for _ in range(TRIES):
        try:
            held = ledger.load(gone.tags.get(RUN, ""))
            if held.run.deployment != gone.name or held.run.state not in {State.LIVE, State.SUPERSEDED}:
                return
            reason = f"swept, rule {verdict.rule}: {verdict.reason}"
            figures = {"saves_monthly_usd": verdict.saves_monthly_usd}
            ledger.save(held, runs.moved(held.run, State.RETIRED, reason, world.now(), figures=figures))
        except Missing:
            return
        except Changed:
            continue
        return
