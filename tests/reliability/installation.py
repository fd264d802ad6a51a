"""A real installation as the invariants see it, through the app's own ports."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from shared import settings
from shared.adapters import azureml, credential
from shared.adapters.azureml.place import MODELS, Request
from shared.domain.errors import Missing
from shared.domain.tags import RECIPE
from shared.ports import ModelVersion
from tests.reliability.seen import Document, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.ports import Endpoint, Job, World

NEWEST_JOBS = 200
OF_RECIPES = ("r", "lanes", "active", "by-day", "outbox/run")  # folders whose names begin with a recipe's


def seen(world: World, *, recipe: str = "", told: Iterable[str] | None = None) -> Seen:
    """Look at all of it at rest, or at one recipe's part. told: ids of the events that came to the topic."""
    documents = dict(_documents(world, recipe))
    first = Seen(world.installation, world.workspace_id, world.now(), documents)
    names = {run.model for run in first.runs.values() if run.model}
    endpoints = tuple(found for found in world.endpoints.all() if _belongs(found, recipe))
    return Seen(
        installation=world.installation,
        workspace_id=world.workspace_id,
        now=world.now(),
        documents=documents,
        drops=tuple(drop for drop in world.drops.all() if recipe in {"", drop.recipe}),
        jobs=tuple(job for job in world.jobs.newest(NEWEST_JOBS) if _belongs(job, recipe)),
        models=tuple(version for name in names for version in _versions(name)),
        endpoints=endpoints,
        deployments=tuple(one for found in endpoints for one in world.endpoints.deployments(found.name)),
        told=None if told is None else frozenset(told),
    )


def made(found: Seen) -> dict[str, int]:
    """Count what there is in Azure ML."""
    return {kind: len(getattr(found, kind)) for kind in ("jobs", "models", "endpoints", "deployments")}


def _belongs(found: Endpoint | Job, recipe: str) -> bool:
    return recipe in {"", found.tags.get(RECIPE)}


def _documents(world: World, recipe: str) -> Iterator[tuple[str, Document]]:
    wanted = tuple(f"{folder}/{recipe}" for folder in OF_RECIPES) if recipe else ""
    for entry in world.ledger.names(""):
        with suppress(Missing):  # it went after it was listed
            if entry.name.startswith(wanted):
                yield entry.name, (world.ledger.read(entry.name).data, entry.metadata)


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
