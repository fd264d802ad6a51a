"""Somebody else's traffic: a rollout leaves it as it is, says so, and waits for what the person does next.

All to the challenger makes it the champion, nothing to it ends the run, the shares that Droptune had set let
the rollout go on, and so does `droptune approve`. When `serving.wait_hours` are over the run ends.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.domain.actions import Action, Close, Crown, Move, Wait
from shared.domain.rollout import Rollout, Split
from shared.domain.run import State
from shared.domain.scene import failed

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.scene import Scene

OUTSIDE = "somebody outside Droptune"


def begin(scene: Scene, left: dict[str, int]) -> Action:
    """Find other shares than Droptune left, before the first step."""
    expected = Split(left, scene.found.mirror)
    begun = Rollout(before=expected, asked=scene.target(0))
    return _leave(scene, begun, f"found {scene.found.told()}, expected {expected.told()}")


def hold(scene: Scene, state: Rollout) -> Action:
    """Find other shares than the ones asked for."""
    was = state.asked if state.since else state.before
    if _has(scene, was) and not _has(scene, scene.found):
        return _stopped(scene)
    return _leave(scene, state, f"{OUTSIDE} changed the traffic from {was.told()} to {scene.found.told()}")


def held(scene: Scene, state: Rollout, since: datetime) -> Action:
    """Wait for the person, a command or the end of patience."""
    if scene.has_all:
        return Crown()
    wish = scene.run.wish("approve", "reject")
    if wish is not None and wish.action == "reject":
        return Close(State.CANCELLED, f"rejected by {wish.by}", by=wish.by)
    step = min(state.step, len(scene.plan) - 1)
    if wish is not None:
        return scene.next(step, f"{wish.by} lets the rollout go on", by=wish.by)
    found = scene.found
    if _has(scene, state.seen) and not _has(scene, found):
        return _stopped(scene)
    if found in (state.asked, state.before):
        return scene.next(step, "the traffic is as Droptune had set it again")
    if found != state.seen:
        return _leave(scene, state, f"{OUTSIDE} changed the traffic to {found.told()}")
    until = since + timedelta(hours=scene.recipe.serving.wait_hours)
    if scene.now < until:
        return Wait(f"{OUTSIDE} set the traffic to {found.told()}; waits until {until:%F %T} UTC")
    what = f"The traffic was not Droptune's ({found.told()}) until serving.wait_hours were over"
    return failed(scene.run, "rollout-held", what, scene.shares)


def _leave(scene: Scene, state: Rollout, what: str) -> Move:
    ways = f"droptune approve {scene.run.name} goes on with the rollout, droptune cancel ends it"
    return Move(
        State.PROMOTING,
        f"{what}; it is left as it is: {ways}",
        figures=scene.shares,
        changes={"rollout": replace(state, held=state.held or scene.now, seen=scene.found)},
    )


def _stopped(scene: Scene) -> Close:
    what = f"The challenger's traffic was taken away by {OUTSIDE} ({scene.found.told()})"
    return failed(scene.run, "rollout-stopped-outside", what, scene.shares)


def _has(scene: Scene, shares: Split) -> bool:
    """Tell whether the challenger answers anything, or is sent copies."""
    return scene.new in shares.traffic or scene.new in shares.mirror
