"""The sweep's policy: for each endpoint and deployment keep, mark or take, with the rule and the reason.

Pure. docs/sweep.md lists the rules; the first that applies counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from shared.domain import idle
from shared.domain.recipe import Recipe
from shared.domain.run import State
from shared.domain.tags import EXPIRES, INSTALLATION, KEEP, RECIPE, RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.domain.idle import Traffic
    from shared.domain.lane import Lane

HOURS_A_MONTH = 730.0
UNDER_WAY = frozenset({State.DEPLOYING, State.TESTING, State.PROMOTING})
FAILED = frozenset({"failed", "canceled"})
KEPT, TAKEN = "keep", "take"
BY_USE = {"idle": (TAKEN, "idle"), "busy": (KEPT, "in-use"), "unknown": (KEPT, "unknown")}


Give: TypeAlias = "Callable[[str, str, str], Verdict]"  # action, rule, reason


@dataclass(frozen=True)
class DeploymentFacts:
    """One deployment as the sweep found it. hourly_usd: of all its instances; None: unknown."""

    name: str
    state: str
    tags: Mapping[str, str]
    created: datetime | None
    traffic: Traffic
    hourly_usd: float | None = None
    run_state: State | None = None
    live_since: datetime | None = None


@dataclass(frozen=True)
class EndpointFacts:
    """One endpoint with its deployments. installation: the one this sweep works for, None: not agreed."""

    name: str
    state: str
    tags: Mapping[str, str]
    created: datetime | None
    installation: str | None
    lane: Lane | None = None
    traffic: Mapping[str, int] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=Recipe)
    deployments: tuple[DeploymentFacts, ...] = ()

    @property
    def ours(self) -> bool:
        """Tell whether it carries this installation's tag."""
        return self.installation is not None and self.tags.get(INSTALLATION) == self.installation


@dataclass(frozen=True)
class Verdict:
    """What is to be done with one thing. deployment None: the endpoint itself, with all that is below it."""

    endpoint: str
    deployment: str | None
    action: str
    rule: str
    reason: str
    recipe: str = ""
    run: str | None = None
    saves_monthly_usd: float | None = None

    @property
    def key(self) -> str:
        """Name the thing, for marks."""
        return f"{self.endpoint}/{self.deployment or ''}"


def judge(endpoint: EndpointFacts, now: datetime) -> list[Verdict]:
    """Give a verdict for the endpoint, or for each of its deployments."""
    whole = _whole(endpoint, now)
    if whole is not None:
        return [whole]
    verdicts = [_deployment(endpoint, deployment, now) for deployment in endpoint.deployments]
    if endpoint.recipe.idle_action == "delete" and all(v.action == TAKEN for v in verdicts):
        return [_together(endpoint, verdicts)]
    return verdicts


def without_slot(endpoint: EndpointFacts) -> EndpointFacts:
    """See the endpoint as if its lane's deploy slot were free: the sweep that looks holds it itself."""
    if endpoint.lane is None:
        return endpoint
    return replace(endpoint, lane=msgspec.structs.replace(endpoint.lane, deploying=None))


def _whole(endpoint: EndpointFacts, now: datetime) -> Verdict | None:
    """Apply the rules that speak of the endpoint as a whole."""
    if not endpoint.ours:
        return _of(endpoint, KEPT, "not-ours", "it does not carry this installation's tag")
    protected = _protected(endpoint.tags, now)
    if protected:
        return _of(endpoint, KEPT, "kept", protected)
    if endpoint.state == "deleting":
        return _of(endpoint, KEPT, "going", "it is being deleted")
    if endpoint.deployments:
        return None
    if endpoint.lane is not None and endpoint.lane.deploying:
        return _of(endpoint, KEPT, "deploying", f"{endpoint.lane.deploying} holds the lane's deploy slot")
    age = now - endpoint.created if endpoint.created else timedelta(0)
    ttl = timedelta(days=endpoint.recipe.cost.ttl_days)
    if age >= ttl:
        return _of(endpoint, TAKEN, "empty", f"no deployment, {_days(age)} old, more than {_days(ttl)}")
    return _of(
        endpoint, KEPT, "empty-young", f"no deployment, {_days(age)} old; an empty endpoint costs nothing"
    )


def _deployment(endpoint: EndpointFacts, found: DeploymentFacts, now: datetime) -> Verdict:
    def verdict(action: str, rule: str, reason: str) -> Verdict:
        return _of(endpoint, action, rule, reason, found)

    if found.tags.get(INSTALLATION) != endpoint.installation:
        return verdict(KEPT, "not-ours", "it does not carry this installation's tag")
    protected = _protected(found.tags, now)
    if protected:
        return verdict(KEPT, "kept", protected)
    if found.state == "deleting":
        return verdict(KEPT, "going", "it is being deleted")
    if found.run_state in UNDER_WAY:
        return verdict(KEPT, "run-under-way", f"its run is {found.run_state}")
    if found.state in FAILED:
        return verdict(TAKEN, "failed", "a failed deployment bills like a live one")
    if found.run_state is None:
        return verdict(KEPT, "run-gone", "its run is not in the ledger; a person must decide")
    return _by_use(endpoint, found, now, verdict)


def _by_use(endpoint: EndpointFacts, found: DeploymentFacts, now: datetime, verdict: Give) -> Verdict:
    until = _previous_until(endpoint, found)
    if until is not None and now >= until:
        return verdict(TAKEN, "previous-past-its-time", f"it was to stay until {until:%F %T} UTC")
    if until is not None:
        return verdict(KEPT, "previous", f"it stays for a way back until {until:%F %T} UTC")
    if found.run_state is State.SUPERSEDED and not endpoint.traffic.get(found.name):
        return verdict(TAKEN, "superseded", "newer ones took its traffic and its place as the way back")
    born = max((at for at in (found.created, found.live_since) if at), default=None)
    if born is None:
        return verdict(KEPT, "age-unknown", "nobody knows since when it has been there")
    idleness = idle.judge(found.traffic, born, endpoint.recipe.cost.idle_hours, now)
    return verdict(*BY_USE[idleness.state], idleness.reason)


def _previous_until(endpoint: EndpointFacts, found: DeploymentFacts) -> datetime | None:
    """Tell until when a previous champion stays; None where this is not it."""
    previous = endpoint.lane.previous if endpoint.lane else None
    mine = previous is not None and (previous.endpoint, previous.deployment) == (endpoint.name, found.name)
    return previous.until if mine and previous is not None else None


def _protected(tags: Mapping[str, str], now: datetime) -> str | None:
    expires = _date(tags.get(EXPIRES))
    if tags.get(KEEP) and (expires is None or now < expires):
        until = f" until {expires:%F}" if expires else ""
        return f"kept{until}: {tags[KEEP]}"
    return None


def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _of(
    endpoint: EndpointFacts, action: str, rule: str, reason: str, found: DeploymentFacts | None = None
) -> Verdict:
    price = found.hourly_usd if found else None
    return Verdict(
        endpoint=endpoint.name,
        deployment=found.name if found else None,
        action=action,
        rule=rule,
        reason=reason,
        recipe=endpoint.tags.get(RECIPE, ""),
        run=(found.tags if found else endpoint.tags).get(RUN),
        saves_monthly_usd=price * HOURS_A_MONTH if price is not None and action == TAKEN else None,
    )


def _together(endpoint: EndpointFacts, verdicts: list[Verdict]) -> Verdict:
    """Take the endpoint itself where all of its deployments go and the recipe says delete."""
    saves = [v.saves_monthly_usd for v in verdicts]
    total = None if any(s is None for s in saves) else sum(s or 0.0 for s in saves)
    reason = "; ".join(f"{v.deployment}: {v.reason}" for v in verdicts)
    return Verdict(
        endpoint.name, None, TAKEN, verdicts[0].rule, reason, verdicts[0].recipe, verdicts[0].run, total
    )


def _days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):.1f} days"
