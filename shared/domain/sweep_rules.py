"""The sweep's policy: for each endpoint and deployment keep, tell or take, with rule, reason and figures.

Pure. docs/sweep.md lists the rules; the first that applies counts. Rules that need no figures of use come
first, so that the figures of most deployments need not be read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain import idle
from shared.domain.people_tags import Wishes
from shared.domain.run import State
from shared.domain.scene import LOST
from shared.domain.sweep import KEPT, TAKEN, TOLD, Ruling, verdict
from shared.domain.tags import INSTALLATION

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.sweep import DeploymentFacts, EndpointFacts, Verdict

UNDER_WAY = frozenset({State.DEPLOYING, State.TESTING, State.PROMOTING})
OVER = frozenset({State.FAILED, State.CANCELLED, State.RETIRED, State.REJECTED, State.UNCHANGED})


def judge(endpoint: EndpointFacts, now: datetime) -> list[Verdict]:
    """Give a verdict for the endpoint, or for each of its deployments."""
    whole = _whole(endpoint, now)
    if whole is not None:
        return [verdict(endpoint, whole)]
    return [
        verdict(endpoint, _settled(endpoint, found, now) or _by_use(endpoint, found, now), found)
        for found in endpoint.deployments
    ]


def asks_figures(endpoint: EndpointFacts, found: DeploymentFacts, now: datetime) -> bool:
    """Tell whether the verdict on a deployment hangs on its figures of use."""
    if _whole(endpoint, now) is not None or _settled(endpoint, found, now) is not None:
        return False
    young = found.born is not None and now - found.born < timedelta(hours=endpoint.recipe.cost.idle_hours)
    return not young or _expired(endpoint, found, now) is not None


def _whole(endpoint: EndpointFacts, now: datetime) -> Ruling | None:
    """Apply the rules that speak of the endpoint as a whole."""
    if not endpoint.ours:
        return Ruling(KEPT, "not-ours", "it does not carry this installation's tag")
    wishes = Wishes.of(endpoint.tags)
    if wishes.keeps(now):
        return Ruling(KEPT, "kept", wishes.said())
    if endpoint.state == "deleting":
        return Ruling(KEPT, "going", "it is being deleted")
    if endpoint.deployments:
        return None
    if endpoint.lane is not None and endpoint.lane.deploying:
        return Ruling(KEPT, "deploying", f"{endpoint.lane.deploying} holds the lane's deploy slot")
    if wishes.expired(now):
        return Ruling(TAKEN, "expired", f"no deployment, and it was to expire {wishes.expires:%F %T} UTC")
    since = endpoint.empty_since or now
    age, ttl = now - since, timedelta(days=endpoint.recipe.cost.ttl_days)
    figures = {"empty_days": _in_days(age), "ttl_days": endpoint.recipe.cost.ttl_days}
    if age >= ttl:
        return Ruling(TAKEN, "empty", f"no deployment for {_days(age)}, at least {_days(ttl)}", figures)
    return Ruling(
        KEPT, "empty-young", f"no deployment for {_days(age)}; an empty endpoint costs nothing", figures
    )


def _settled(endpoint: EndpointFacts, found: DeploymentFacts, now: datetime) -> Ruling | None:
    """Apply the rules that need no figures of use; None where use decides."""
    if found.tags.get(INSTALLATION) != endpoint.installation:
        return Ruling(KEPT, "not-ours", "it does not carry this installation's tag")
    wishes = Wishes.of(found.tags)
    if wishes.keeps(now):
        return Ruling(KEPT, "kept", wishes.said())
    if found.state == "deleting":
        return Ruling(KEPT, "going", "it is being deleted")
    if found.run_state in UNDER_WAY:
        return Ruling(KEPT, "run-under-way", f"its run is {found.run_state}")
    if found.state in LOST:
        return Ruling(TAKEN, "failed", "a failed deployment bills like a live one", {"state": found.state})
    if found.run_state is None and not endpoint.adopted:
        return Ruling(TOLD, "run-gone", "its run is not in the ledger; a person must decide")
    if not endpoint.traffic.get(found.name):
        without = _without_traffic(endpoint, found, now)
        if without is not None:
            return without
    if found.born is None:
        return Ruling(KEPT, "age-unknown", "nobody knows since when it has been there")
    return None


def _without_traffic(endpoint: EndpointFacts, found: DeploymentFacts, now: datetime) -> Ruling | None:
    """Apply the rules on what has no traffic; with traffic it is in service, whatever its run says."""
    previous = endpoint.lane.previous if endpoint.lane else None
    mine = previous is not None and (previous.endpoint, previous.deployment) == (endpoint.name, found.name)
    until = previous.until if mine and previous is not None else None
    if until is not None and now >= until:
        return Ruling(TAKEN, "previous-past-its-time", f"it was to stay until {until:%F %T} UTC")
    if until is not None:
        return Ruling(KEPT, "previous", f"it stays for a way back until {until:%F %T} UTC")
    if found.run_state is State.SUPERSEDED:
        return Ruling(TAKEN, "superseded", "newer ones took its traffic and its place as the way back")
    if found.run_state in OVER:
        return Ruling(TAKEN, "run-over", f"its run is {found.run_state}, and it has no traffic")
    return None


def _by_use(endpoint: EndpointFacts, found: DeploymentFacts, now: datetime) -> Ruling:
    born, hours = found.born or now, endpoint.recipe.cost.idle_hours
    expired = _expired(endpoint, found, now)
    if expired is not None:
        hours = min(hours, (now - born) // idle.MINUTE / 60)  # however young it is
    proven = idle.judge(found.traffic, born, hours, now)
    if proven.state == "idle" and expired is not None:
        return Ruling(
            TAKEN, "expired", f"it was to expire {expired:%F %T} UTC; {proven.reason}", proven.figures
        )
    if proven.state == "idle":
        return Ruling(TAKEN, "idle", proven.reason, proven.figures)
    if proven.state == "unknown":
        return Ruling(KEPT, "unknown", proven.reason, proven.figures)
    if proven.state == "lifeless":
        return Ruling(KEPT, "no-heartbeat", proven.reason, proven.figures)
    if proven.state == "young":
        return Ruling(KEPT, "too-young", proven.reason, proven.figures)
    if expired is not None:
        why = f"it was to expire {expired:%F %T} UTC and is in use: {proven.reason}"
        return Ruling(TOLD, "expired-in-use", why, proven.figures)
    ttl = timedelta(days=endpoint.recipe.cost.ttl_days)
    age = now - (found.created or born)
    if age >= ttl:
        why = f"{_days(age)} old, at least {_days(ttl)}, and in use: {proven.reason}"
        return Ruling(TOLD, "old-in-use", why, {**proven.figures, "age_days": _in_days(age)})
    return Ruling(KEPT, "in-use", proven.reason, proven.figures)


def _expired(endpoint: EndpointFacts, found: DeploymentFacts, now: datetime) -> datetime | None:
    """Give the date past which people said it, or its endpoint, may go."""
    for tags in (found.tags, endpoint.tags):
        wishes = Wishes.of(tags)
        if wishes.expired(now):
            return wishes.expires
    return None


def _in_days(length: timedelta) -> float:
    return round(length / timedelta(days=1), 2)


def _days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):.1f} days"
