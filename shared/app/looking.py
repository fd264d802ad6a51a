"""Look at one endpoint: its deployments, their runs, their price, and their use where that decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.app import own_requests
from shared.domain import idle, sweep_rules
from shared.domain.errors import DroptuneError
from shared.domain.idle import Traffic
from shared.domain.recipe import Recipe
from shared.domain.run import State
from shared.domain.sweep import DeploymentFacts, EndpointFacts
from shared.domain.tags import INSTALLATION, RECIPE, RUN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.app.books import Books
    from shared.app.ledger import Ledger
    from shared.app.own_requests import Counts
    from shared.domain.run import Run
    from shared.ports import Deployment, Endpoint, World

MARGIN = timedelta(minutes=2)  # a window ends with a whole minute
UNREAD = Traffic(known=False)


@dataclass(frozen=True)
class Eye:
    """What looks: for one installation, with our own requests at hand."""

    world: World
    ledger: Ledger
    books: Books
    installation: str | None
    own: Counts

    def look(self, endpoint: Endpoint, empty_since: datetime | None = None) -> EndpointFacts:
        """Look at one endpoint; of one that is not ours no more than its deployments' states and prices."""
        ours = self.installation is not None and endpoint.tags.get(INSTALLATION) == self.installation
        name = endpoint.tags.get(RECIPE, "")
        found = self.world.endpoints.deployments(endpoint.name)
        facts = EndpointFacts(
            name=endpoint.name,
            state=endpoint.state,
            tags=endpoint.tags,
            created=endpoint.created,
            installation=self.installation,
            lane=self.books.lane(name) if ours else None,
            traffic=endpoint.traffic,
            recipe=self.books.recipe(name, endpoint.tags.get(RUN)) if ours else Recipe(),
            deployments=tuple(self._deployment(endpoint, one, ours=ours) for one in found),
            empty_since=empty_since,
        )
        return self._with_figures(facts) if ours else facts

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

    def _with_figures(self, facts: EndpointFacts) -> EndpointFacts:
        """Read the use of those deployments on which it decides; what cannot be read is unknown."""
        now = self.world.now()
        asked = [one.name for one in facts.deployments if sweep_rules.asks_figures(facts, one, now)]
        window = timedelta(hours=facts.recipe.cost.idle_hours)
        if not asked or window > idle.LONGEST_WINDOW:
            return facts
        since = now - window - MARGIN
        try:
            requests = self.world.monitor.requests(facts.name, since, now)
        except DroptuneError:
            return facts
        read = [
            replace(one, traffic=self._traffic(facts, one, requests, since)) if one.name in asked else one
            for one in facts.deployments
        ]
        return replace(facts, deployments=tuple(read))

    def _traffic(
        self,
        facts: EndpointFacts,
        found: DeploymentFacts,
        requests: Mapping[str, Mapping[datetime, float]],
        since: datetime,
    ) -> Traffic:
        """Put a deployment's figures together; its heartbeat is asked for only where it was quiet."""
        now = self.world.now()
        own = own_requests.of(self.own, facts.name, found.name)
        used = Traffic(known=True, requests=requests.get(found.name, {}), own=own)
        last, window = used.last_foreign(), timedelta(hours=facts.recipe.cost.idle_hours)
        if last is not None and now - last < window:
            return used
        try:
            beats = self.world.monitor.heartbeat(facts.name, found.name, since, now)
        except DroptuneError:
            return UNREAD
        return replace(used, heartbeat=beats)


def _live_since(run: Run) -> datetime | None:
    return next((change.at for change in reversed(run.history) if change.state is State.LIVE), None)
