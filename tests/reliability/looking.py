"""Look at one recipe of an installation through the app's own ports, and judge it by the invariants."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from shared import settings
from shared.adapters import azureml, credential
from shared.adapters.azureml.place import MODELS, Request
from shared.domain.errors import Missing
from shared.domain.tags import RECIPE
from shared.ports import ModelVersion
from tests.reliability.invariants import broken
from tests.reliability.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.ports import World

NEWEST_JOBS = 200


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
        models=tuple(version for name in names for version in _versions(name)),
        endpoints=tuple(endpoints),
        deployments=tuple(one for found in endpoints for one in world.endpoints.deployments(found.name)),
    )


def _versions(name: str) -> Iterator[ModelVersion]:
    """List a model's versions; no port of the app's does."""
    found = settings.load(os.environ)  # noqa: TID251 - a program's edge
    place = azureml.AzureMLPlace(**vars(found.azureml), credential=credential.credential)
    try:
        listed = place.call(Request("GET", f"{place.id}/models/{name}/versions", MODELS), name)
    except Missing:
        return
    for one in listed.get("value") or ():
        yield ModelVersion(name, one["name"], one["properties"].get("tags") or {}, one["id"])
