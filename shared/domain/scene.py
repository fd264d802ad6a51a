"""What a rollout's next action is chosen from, and the answers that several of its functions need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.domain import rollout as steps
from shared.domain.actions import Close, Move
from shared.domain.errors import Problem
from shared.domain.rollout import WHOLE, Rollout, Split
from shared.domain.run import State

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.facts import EndpointFacts, Facts
    from shared.domain.recipe import Recipe
    from shared.domain.rollout import Stage
    from shared.domain.run import Run

LOST = frozenset({"failed", "canceled"})  # an endpoint or deployment comes to no other state by itself
GONE = LOST | {"deleting"}


@dataclass(frozen=True)
class Scene:
    """A run on its way to the traffic, and the world around it."""

    run: Run
    facts: Facts
    recipe: Recipe
    now: datetime

    @property
    def new(self) -> str:
        """The challenger's deployment."""
        return self.run.deployment or ""

    @property
    def champion(self) -> str | None:
        """The champion's deployment, where it stands on the run's endpoint and can serve."""
        return beside(self.facts)

    @property
    def found(self) -> Split:
        """The endpoint's shares as they are."""
        return split(self.facts.endpoint)

    @property
    def shares(self) -> dict[str, Any]:
        """The shares as they are, for the history."""
        copies = {"mirror": self.found.mirror} if self.found.mirror else {}
        return {"traffic": self.found.traffic} | copies

    @property
    def has_all(self) -> bool:
        """Tell whether all the traffic is on the challenger."""
        return self.found.traffic == {self.new: WHOLE}

    @property
    def plan(self) -> tuple[Stage, ...]:
        """List the steps; all at once where nobody would be there to go back to."""
        return steps.stages(self.recipe.serving) if self.champion else (steps.Stage(WHOLE),)

    def target(self, step: int) -> Split:
        """Give the shares of a step."""
        return steps.shares(self.plan[step], self.champion or "", self.new, self.found)

    def next(self, step: int, why: str, told: dict[str, Any] | None = None, by: str | None = None) -> Move:
        """Go to a step. by: the person whose approval led to it."""
        return Move(
            State.PROMOTING,
            why,
            by=by or "droptune",
            figures=told or {},
            changes={"rollout": Rollout(before=self.found, asked=self.target(step), step=step)},
            consume="approve" if by else None,
        )


def split(endpoint: EndpointFacts | None) -> Split:
    """Give an endpoint's shares as they are."""
    return Split(dict(endpoint.traffic), dict(endpoint.mirror)) if endpoint else Split()


def beside(facts: Facts) -> str | None:
    """Name the champion's deployment where it stands on the run's endpoint and can serve."""
    champion, found = facts.lane.champion, facts.champion
    if champion is None or found is None or found.state in GONE:
        return None
    return champion.deployment


def back_to(facts: Facts, challenger: str) -> Split:
    """Give the challenger's share to the champion; without one the largest other has it, or nobody."""
    found = split(facts.endpoint)
    traffic = steps.without(found.traffic, challenger, beside(facts))
    mirror = {name: copied for name, copied in found.mirror.items() if name not in {challenger, *traffic}}
    return Split(traffic, mirror)


def failed(run: Run, code: str, what: str, figures: dict[str, Any] | None = None) -> Close:
    """End the run: its traffic goes back, its deployment goes."""
    help_text = f"See it with droptune show {run.name}; to try again: droptune retry {run.name}"
    return Close(State.FAILED, what, Problem(code, f"{what}.", help_text), figures=figures or {})
