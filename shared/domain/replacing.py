"""`serving.strategy: replace`: the champion makes room before the challenger is deployed.

For where the quota has no room for two. From the champion's deletion to the challenger's first traffic the
endpoint answers nothing: that is said beforehand, by the preflight and in the history. There is no previous
deployment to give the traffic back to; the way back is `droptune revive RECIPE --version V`.

    said ─► its traffic taken ─► drained ─► deleted ─► gone: written out of the lane,
      its run retired ─► deployed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.actions import Action, MakeRoom, Move, MoveTraffic, Retire, Wait
from shared.domain.draining import drain, resumed
from shared.domain.rollout import WHOLE, without
from shared.domain.run import State
from shared.domain.scene import GONE

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.facts import Facts
    from shared.domain.lane import Champion
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run

REPLACES = "replaces"


def make_room(run: Run, facts: Facts, recipe: Recipe, now: datetime) -> Action | None:
    """Take the next step with the champion; None where there is none in the way."""
    champion = facts.lane.champion
    if recipe.serving.strategy != "replace" or champion is None or facts.endpoint is None:
        return None
    if champion.endpoint != run.endpoint or facts.lane.crowned(run.name):
        return None
    if facts.champion is None:
        return Retire(champion)
    if _said(run) != champion.deployment:
        return _say(run, champion)
    if facts.champion.state == "deleting":
        return Wait(f"Azure ML is deleting {champion.deployment}")
    if champion.deployment in facts.endpoint.traffic:
        left = without(facts.endpoint.traffic, champion.deployment)
        return resumed(run, champion.deployment) or MoveTraffic(left)
    if facts.champion.state in GONE:
        return MakeRoom(champion.deployment)
    return drain(run, champion.deployment, now) or MakeRoom(champion.deployment)


def give_back(run: Run, facts: Facts) -> Action | None:
    """While a run closes: a champion that was to make room gets its traffic back, or is written out."""
    champion = facts.lane.champion
    if champion is None or facts.endpoint is None or _said(run) != champion.deployment:
        return None
    if facts.champion is None:
        return Retire(champion)
    if facts.champion.state == "deleting":
        return Wait(f"Azure ML is deleting {champion.deployment}")
    if facts.endpoint.traffic or facts.champion.state != "succeeded":
        return None
    if facts.endpoint.state == "updating":
        return Wait("Azure ML is moving the traffic")
    return MoveTraffic({champion.deployment: WHOLE})


def way_back(run: Run) -> str:
    """Say how to get back what made room for the run; empty where nothing did."""
    gone = next((one.figures for one in reversed(run.history) if REPLACES in one.figures), None)
    if gone is None:
        return ""
    return f"{gone[REPLACES]} made room for it; to bring that back: {gone['revive']}"


def _said(run: Run) -> str | None:
    told = [change.figures[REPLACES] for change in run.history if REPLACES in change.figures]
    return str(told[-1]) if told else None


def _say(run: Run, champion: Champion) -> Move:
    back = f"droptune revive {run.recipe_name} --version {champion.model_version}"
    what = f"serving.strategy is replace: {champion.deployment} ({champion.model}:{champion.model_version})"
    return Move(
        State.DEPLOYING,
        f"{what} makes room; {run.endpoint} answers nothing until {run.deployment} is ready and tested",
        figures={REPLACES: champion.deployment, "revive": back},
    )
