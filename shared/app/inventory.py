"""What the sweep looks at: every endpoint with its deployments, their use and their price."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.app import own_requests, recipes
from shared.domain.errors import DroptuneError, Missing
from shared.domain.idle import Traffic
from shared.domain.recipe import Recipe
from shared.domain.run import State
from shared.domain.sweep import DeploymentFacts, EndpointFacts
from shared.domain.tags import INSTALLATION, RECIPE, RUN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from shared.app.ledger import Ledger
    from shared.domain.run import Run
    from shared.ports import Deployment, Endpoint, World

LONGEST_LOOK = timedelta(days=30)


def inventory(world: World, ledger: Ledger) -> Iterator[EndpointFacts]:
    """Look at every endpoint of the workspace."""
    installation = agreed_installation(world)
    for endpoint in world.endpoints.all():
        yield look(world, ledger, endpoint, installation)


def agreed_installation(world: World) -> str | None:
    """Give the installation's id where setting and ledger agree; None: nothing counts as ours."""
    try:
        written = world.ledger.read("installation").data.decode()
    except Missing:
        return None
    return written if written == world.installation else None


def look(world: World, ledger: Ledger, endpoint: Endpoint, installation: str | None) -> EndpointFacts:
    """Look at one endpoint; of one that is not ours no more than its deployments' names."""
    ours = installation is not None and endpoint.tags.get(INSTALLATION) == installation
    name = endpoint.tags.get(RECIPE, "")
    recipe = _recipe(world, ledger, endpoint, name) if ours else Recipe()
    found = world.endpoints.deployments(endpoint.name)
    own = own_requests.read(world, endpoint.name) if ours else {}
    return EndpointFacts(
        name=endpoint.name,
        state=endpoint.state,
        tags=endpoint.tags,
        created=endpoint.created,
        installation=installation,
        lane=ledger.lane(name).lane if ours and name else None,
        traffic=endpoint.traffic,
        recipe=recipe,
        deployments=tuple(_deployment(world, ledger, endpoint, one, recipe, own, ours=ours) for one in found),
    )


def _deployment(  # noqa: PLR0913 - a deployment is looked at in the light of its endpoint
    world: World,
    ledger: Ledger,
    endpoint: Endpoint,
    found: Deployment,
    recipe: Recipe,
    own: Mapping[str, Mapping[datetime, float]],
    *,
    ours: bool,
) -> DeploymentFacts:
    run = _run(ledger, found.tags.get(RUN)) if ours else None
    hourly = (
        world.prices.hourly_usd(found.instance_type, endpoint.location or "") if found.instance_type else None
    )
    return DeploymentFacts(
        name=found.name,
        state=found.state,
        tags=found.tags,
        created=found.created,
        traffic=_traffic(world, found, recipe, own.get(found.name, {})) if ours else Traffic(known=False),
        hourly_usd=hourly * found.instance_count if hourly is not None else None,
        run_state=run.state if run else None,
        live_since=_live_since(run) if run else None,
    )


def _traffic(world: World, found: Deployment, recipe: Recipe, own: Mapping[datetime, float]) -> Traffic:
    """Read the figures of the idle window; what cannot be read is unknown."""
    now = world.now()
    since = now - min(timedelta(hours=recipe.cost.idle_hours) + timedelta(minutes=2), LONGEST_LOOK)
    try:
        requests = world.monitor.requests(found.endpoint, since, now).get(found.name, {})
        heartbeat = world.monitor.heartbeat(found.endpoint, found.name, since, now)
    except DroptuneError:
        return Traffic(known=False)
    return Traffic(known=True, requests=requests, own=own, heartbeat=heartbeat)


def _recipe(world: World, ledger: Ledger, endpoint: Endpoint, name: str) -> Recipe:
    """Give the current recipe, for its limits; else the copy in the run, else the defaults."""
    try:
        recipe, _etag, _problem = recipes.find(world.recipes, name)
    except DroptuneError:
        recipe = None
    run = _run(ledger, endpoint.tags.get(RUN)) if recipe is None else None
    return recipe or (run.recipe if run else None) or Recipe()


def _run(ledger: Ledger, name: str | None) -> Run | None:
    if not name:
        return None
    try:
        return ledger.load(name).run
    except Missing:
        return None


def _live_since(run: Run) -> datetime | None:
    return next((change.at for change in reversed(run.history) if change.state is State.LIVE), None)
