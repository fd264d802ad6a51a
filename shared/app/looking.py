"""Look at one endpoint: its deployments, their runs and their price; `shared.app.use` reads their use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app.lanes import holds
from shared.domain.errors import DroptuneError
from shared.domain.idle import Traffic
from shared.domain.recipe import Recipe
from shared.domain.run import State
from shared.domain.sweep import DeploymentFacts, EndpointFacts
from shared.domain.tags import INSTALLATION, RECIPE, RUN

if TYPE_CHECKING:
    from datetime import datetime

    from shared.app.books import Books
    from shared.app.ledger import Ledger
    from shared.domain.lane import Lane
    from shared.domain.run import Run
    from shared.ports import Deployment, Endpoint, World

UNREAD = Traffic(known=False)


@dataclass(frozen=True)
class Eye:
    """What looks, for one installation."""

    world: World
    ledger: Ledger
    books: Books
    installation: str | None

    def look(self, endpoint: Endpoint, empty_since: datetime | None = None) -> EndpointFacts:
        """Look at one endpoint; of one that is not ours no more than its deployments' states and prices."""
        ours = self.installation is not None and endpoint.tags.get(INSTALLATION) == self.installation
        name = endpoint.tags.get(RECIPE, "")
        found = self.world.endpoints.deployments(endpoint.name)
        return EndpointFacts(
            name=endpoint.name,
            state=endpoint.state,
            tags=endpoint.tags,
            created=endpoint.created,
            installation=self.installation,
            lane=self._lane(name) if ours else None,
            traffic=endpoint.traffic,
            recipe=self.books.recipe(name, endpoint.tags.get(RUN)) if ours else Recipe(),
            deployments=tuple(self._deployment(endpoint, one, ours=ours) for one in found),
            empty_since=empty_since,
        )

    def _lane(self, recipe: str) -> Lane | None:
        """Read a recipe's lane; the slot of a sweep that died, or of a run that is over, is free."""
        lane = self.books.lane(recipe)
        if lane is None or lane.deploying is None or holds(self.world, self.ledger, lane.deploying):
            return lane
        return replace(lane, deploying=None)

    def _deployment(self, endpoint: Endpoint, found: Deployment, *, ours: bool) -> DeploymentFacts:
        run = self.books.run(found.tags.get(RUN)) if ours else None
        hourly = self._hourly(found.instance_type, endpoint.location or "")
        return DeploymentFacts(
            name=found.name,
            state=found.state,
            tags=found.tags,
            created=found.created,
            traffic=UNREAD,
            hourly_usd=hourly * found.instance_count if hourly is not None else None,
            run_state=run.state if run else None,
            live_since=_live_since(run) if run else None,
            instance_type=found.instance_type,
            instance_count=found.instance_count,
        )

    def _hourly(self, instance_type: str, location: str) -> float | None:
        """Price one instance; what no list can tell is unknown, and no reason to look no further."""
        try:
            return self.world.prices.hourly_usd(instance_type, location) if instance_type else None
        except DroptuneError:
            return None


def _live_since(run: Run) -> datetime | None:
    return next((change.at for change in reversed(run.history) if change.state is State.LIVE), None)
