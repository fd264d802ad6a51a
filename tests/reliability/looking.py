"""Look at one recipe of an installation through the app's own ports, and judge it by the invariants."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from shared.domain.tags import RECIPE
from tests.reliability.installation import NEWEST_JOBS, versions
from tests.reliability.invariants import broken
from tests.reliability.seen import Seen

if TYPE_CHECKING:
    from shared.ports import World


def look(world: World, path: str) -> dict[str, Any]:
    """Give the state of a drop's run, what is broken and what was made; then take its endpoint away."""
    recipe = path.split("/", 1)[0]
    seen = _seen(world, recipe)
    made = Counter(
        jobs=len(seen.jobs),
        models=len(seen.models),
        endpoints=len(seen.endpoints),
        deployments=len(seen.deployments),
    )
    for found in seen.endpoints:
        world.endpoints.delete(found.name)
    states = [str(run.state) for run in seen.runs.values()]
    return {"state": " ".join(states), "broken": [str(one) for one in broken(seen)], "made": dict(made)}


def _seen(world: World, recipe: str) -> Seen:
    endpoints = [found for found in world.endpoints.all() if found.tags.get(RECIPE) == recipe]
    drops = tuple(drop for drop in world.drops.all() if drop.recipe == recipe)
    documents = {
        entry.name: (world.ledger.read(entry.name).data, entry.metadata)
        for entry in world.ledger.names("")
        if entry.name.startswith(
            tuple(f"{kind}/{recipe}" for kind in ("r", "lanes", "active", "by-day", "outbox/run"))
        )
    }
    first = Seen(world.installation, world.workspace_id, world.now(), documents)
    names = {run.model for run in first.runs.values() if run.model}
    return Seen(
        installation=world.installation,
        workspace_id=world.workspace_id,
        now=world.now(),
        documents=documents,
        drops=drops,
        jobs=tuple(job for job in world.jobs.newest(NEWEST_JOBS) if job.tags.get(RECIPE) == recipe),
        models=tuple(version for name in names for version in versions(name)),
        endpoints=tuple(endpoints),
        deployments=tuple(one for found in endpoints for one in world.endpoints.deployments(found.name)),
    )
