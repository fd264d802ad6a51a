"""A real installation as the invariants see it, through the app's own ports."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from shared import settings
from shared.adapters import azureml, credential
from shared.adapters.azureml.place import MODELS, Request
from shared.domain.errors import Missing
from shared.ports import ModelVersion
from tests.reliability.seen import Document, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.ports import World

NEWEST_JOBS = 200


def seen(world: World, told: Iterable[str]) -> Seen:
    """Look at all of it, at rest. told: ids of the events that came to the topic."""
    documents = dict(_documents(world))
    first = Seen(world.installation, world.workspace_id, world.now(), documents)
    names = {run.model for run in first.runs.values() if run.model}
    endpoints = tuple(world.endpoints.all())
    return Seen(
        installation=world.installation,
        workspace_id=world.workspace_id,
        now=world.now(),
        documents=documents,
        drops=tuple(world.drops.all()),
        jobs=tuple(world.jobs.newest(NEWEST_JOBS)),
        models=tuple(version for name in names for version in versions(name)),
        endpoints=endpoints,
        deployments=tuple(one for found in endpoints for one in world.endpoints.deployments(found.name)),
        told=frozenset(told),
    )


def _documents(world: World) -> Iterator[tuple[str, Document]]:
    for entry in world.ledger.names(""):
        with suppress(Missing):  # it went after it was listed
            yield entry.name, (world.ledger.read(entry.name).data, entry.metadata)


def versions(name: str) -> Iterator[ModelVersion]:
    """List a model's versions; no port of the app's does."""
    found = settings.load(os.environ)  # noqa: TID251 - a program's edge
    place = azureml.AzureMLPlace(**vars(found.azureml), credential=credential.credential)
    try:
        listed = place.call(Request("GET", f"{place.id}/models/{name}/versions", MODELS), name)
    except Missing:
        return
    for one in listed.get("value") or ():
        yield ModelVersion(name, one["name"], one["properties"].get("tags") or {}, one["id"])
