"""What the sweep sees and says: endpoints and deployments with their figures, and a verdict on each.

Pure. `shared.domain.sweep_rules` holds the rules, docs/sweep.md lists them; the first that applies counts.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - who decodes a report reads the types
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from shared.domain.recipe import Recipe
from shared.domain.tags import ADOPTED, INSTALLATION, RECIPE, RUN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.domain.idle import Traffic
    from shared.domain.lane import Lane
    from shared.domain.run import State

HOURS_A_MONTH = 730.0
KEPT, TOLD, MARKED, LATER, TAKEN = "keep", "tell", "mark", "later", "take"


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
    instance_type: str = ""
    instance_count: int = 1

    @property
    def born(self) -> datetime | None:
        """Since when it can have been in use: the later of its making and its run's `live`."""
        return max((at for at in (self.created, self.live_since) if at), default=None)


@dataclass(frozen=True)
class EndpointFacts:
    """One endpoint with its deployments.

    installation: the one this sweep works for, None: not agreed. empty_since: when a sweep first found it
    without deployments.
    """

    name: str
    state: str
    tags: Mapping[str, str]
    created: datetime | None
    installation: str | None
    lane: Lane | None = None
    traffic: Mapping[str, int] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=Recipe)
    deployments: tuple[DeploymentFacts, ...] = ()
    empty_since: datetime | None = None

    @property
    def ours(self) -> bool:
        """Tell whether it carries this installation's tag."""
        return self.installation is not None and self.tags.get(INSTALLATION) == self.installation

    @property
    def adopted(self) -> bool:
        """Tell whether a person put it into our care: then no run stands behind it."""
        return ADOPTED in self.tags

    @property
    def hourly_usd(self) -> float | None:
        """Price all its deployments for an hour; None where one of them is unknown."""
        return total([found.hourly_usd for found in self.deployments])


@dataclass(frozen=True)
class Ruling:
    """A decision: what is done, by which rule, why, and the figures that led to it."""

    action: str
    rule: str
    reason: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What is to be done with one thing. deployment None: the endpoint itself, with all that is below it.

    costs_monthly_usd: what it bills now; saves_monthly_usd: what taking it saves; None: unknown.
    """

    endpoint: str
    deployment: str | None
    action: str
    rule: str
    reason: str
    recipe: str = ""
    run: str | None = None
    saves_monthly_usd: float | None = None
    costs_monthly_usd: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Name the thing, for marks."""
        return f"{self.endpoint}/{self.deployment or ''}"

    def but(self, action: str, why: str) -> Verdict:
        """Change what is done, and say why after the reason there is."""
        return replace(self, action=action, reason=f"{self.reason}; {why}")


def verdict(endpoint: EndpointFacts, ruling: Ruling, found: DeploymentFacts | None = None) -> Verdict:
    """Say of a deployment, or of the endpoint as a whole, what a ruling means."""
    hourly = found.hourly_usd if found else endpoint.hourly_usd
    monthly = round(hourly * HOURS_A_MONTH, 2) if hourly is not None else None
    return Verdict(
        endpoint=endpoint.name,
        deployment=found.name if found else None,
        action=ruling.action,
        rule=ruling.rule,
        reason=ruling.reason,
        recipe=endpoint.tags.get(RECIPE, ""),
        run=(found.tags if found else endpoint.tags).get(RUN),
        saves_monthly_usd=monthly if ruling.action == TAKEN else None,
        costs_monthly_usd=monthly,
        figures=ruling.figures,
    )


def joined(endpoint: EndpointFacts, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Take the endpoint itself where all of its deployments go and the recipe says delete."""
    all_go = bool(verdicts) and all(v.action == TAKEN and v.deployment is not None for v in verdicts)
    if not all_go or endpoint.recipe.idle_action != "delete":
        return list(verdicts)
    reason = "; ".join(f"{v.deployment}: {v.reason}" for v in verdicts)
    figures = {v.deployment or "": dict(v.figures) for v in verdicts}
    whole = verdict(endpoint, Ruling(TAKEN, verdicts[0].rule, reason, figures))
    return [replace(whole, run=verdicts[0].run)]


def without_slot(endpoint: EndpointFacts) -> EndpointFacts:
    """See the endpoint as if its lane's deploy slot were free: the sweep that looks holds it itself."""
    if endpoint.lane is None:
        return endpoint
    return replace(endpoint, lane=msgspec.structs.replace(endpoint.lane, deploying=None))


def total(parts: Sequence[float | None]) -> float | None:
    """Add up; one unknown part makes the whole unknown."""
    return None if any(part is None for part in parts) else sum(part or 0.0 for part in parts)
