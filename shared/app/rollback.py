"""Give a recipe's traffic back to its previous deployment, under the lane's deploy slot."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.app import lanes as lane_changes
from shared.app.ledger import Ledger
from shared.domain import lane as lanes
from shared.domain import run as runs
from shared.domain import sweep_holder
from shared.domain.errors import Busy, Changed, Missing, Permanent, Transient
from shared.domain.rollout import WHOLE
from shared.domain.run import State

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.lane import Champion, Lane
    from shared.domain.timing import Timing
    from shared.ports import World

MOST_SECONDS = 120.0


def rollback(world: World, timing: Timing, recipe: str, by: str) -> Champion:
    """Move all traffic to the previous deployment and swap the two in the lane and the ledger.

    Raises Permanent where there is nothing to go back to, Busy where a run is being deployed just now.
    """
    ledger = Ledger(world.ledger)
    holder = sweep_holder.holder(world.now(), world.new_id())
    lane = _take_slot(world, ledger, recipe, holder)
    try:
        if (begun := _begun(ledger, lane)) is not None:
            _write_both(world, ledger, begun, lane.previous, by)
            return begun
        back = _previous(world, lane, recipe)
        _move(world, timing, back)
        deposed = lane.champion
        keep = world.now() + timedelta(hours=_keep_hours(ledger, back))
        lane_changes.change(ledger, recipe, lambda now: _swapped(now, back, world.now(), keep))
        _write_both(world, ledger, back, deposed, by)
    finally:
        lane_changes.give_back(world, ledger, recipe, holder)
    return back


def _begun(ledger: Ledger, lane: Lane) -> Champion | None:
    """Give the champion of a rollback that stopped half-way: the lane is swapped, its runs are not yet.

    Then the command, given again, goes on; it must not roll back once more, to what it came from.
    """
    if lane.champion is None or lane.previous is None:
        return None
    over = ledger.state(lane.champion.place.run) in {State.LIVE, State.SUPERSEDED}
    return lane.champion if over and ledger.state(lane.previous.place.run) is State.LIVE else None


def _write_both(world: World, ledger: Ledger, back: Champion, deposed: Champion | None, by: str) -> None:
    _write(world, ledger, back.place.run, State.LIVE, f"{by} rolled back to it", by)
    if deposed is not None:
        _write(world, ledger, deposed.place.run, State.SUPERSEDED, f"{by} rolled it back", by)


def _swapped(lane: Lane, back: Champion, now: datetime, keep: datetime) -> Lane:
    """Swap the two once: a lane that was written, but whose answer was lost, is read again as it is."""
    if lane.champion is not None and lane.champion.place == back.place:
        return lane
    return lanes.swap_back(lane, now, keep)


def _take_slot(world: World, ledger: Ledger, recipe: str, holder: str) -> Lane:
    lane = lane_changes.take_deploy_slot(world, ledger, recipe, holder)
    if lane.deploying == holder:
        return lane
    if sweep_holder.is_sweep(lane.deploying or ""):
        what = f"A sweep or another rollback is at the endpoint of {recipe} just now."
        raise Busy("deploy-slot-held", what, f"Try again in a minute: droptune rollback {recipe}")
    raise Busy(
        "deploy-slot-held",
        f"{lane.deploying} is being deployed to {recipe} just now.",
        f"Wait for it (droptune watch), or send it back: droptune cancel {lane.deploying}",
    )


def _previous(world: World, lane: Lane, recipe: str) -> Champion:
    back = lane.previous
    if back is None:
        raise Permanent(
            "no-previous",
            f"{recipe!r} has no previous deployment to go back to.",
            "See what there is: droptune endpoints",
        )
    try:
        state = world.endpoints.deployment(back.endpoint, back.deployment).state
    except Missing:
        state = "gone"
    if state != "succeeded":
        raise Permanent(
            "previous-unfit",
            f"The previous deployment {back.deployment} is {state}; expected succeeded.",
            "See what there is: droptune endpoints",
        )
    return back


def _move(world: World, timing: Timing, back: Champion) -> None:
    """Move it all in one update, and look until it is there; a look that fails says nothing about it."""
    world.endpoints.set_traffic(back.endpoint, {back.deployment: WHOLE})
    until = time.monotonic() + MOST_SECONDS  # far below what the slot holds
    while time.monotonic() < until:
        with suppress(Transient):
            endpoint = world.endpoints.find(back.endpoint)
            if endpoint.state == "succeeded" and endpoint.traffic == {back.deployment: WHOLE}:
                return
        time.sleep(min(timing.poll, 1.0))
    raise Transient(
        "traffic-slow",
        f"The traffic of {back.endpoint} did not arrive at {back.deployment} within {MOST_SECONDS:.0f} s.",
        "Look at it with droptune endpoints, then give the command again: it goes on where it stopped",
    )


def _keep_hours(ledger: Ledger, back: Champion) -> float:
    """Read how long the deposed one stays, from the recipe of the run that comes back."""
    try:
        recipe = ledger.load(back.place.run).run.recipe
    except Missing:
        return 1.0
    return recipe.serving.keep_previous_hours if recipe else 1.0


def _write(world: World, ledger: Ledger, name: str, state: State, reason: str, by: str) -> None:
    """Write a run's new state; a document that is gone stays gone."""
    for _ in range(10):
        try:
            held = ledger.load(name)
            if held.run.state is not state:
                ledger.save(held, runs.moved(held.run, state, reason, world.now(), by=by))
        except Missing:
            return
        except Changed:
            continue
        return
