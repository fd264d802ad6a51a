"""The composition root: the one place where ports meet adapters. Built on first call, never at import."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from shared import settings
from shared.ports import World

if TYPE_CHECKING:
    from shared.domain.timing import Timing
    from shared.ports.poison import Poison
    from shared.ports.surroundings import Surroundings


@cache
def _settings() -> settings.Settings:
    return settings.load(os.environ)


def timing() -> Timing:
    """Give the installation's delays."""
    return _settings().timing


def allow_browser() -> None:
    """Let the person at this terminal sign in with a browser where nothing else gives a token."""
    from shared.adapters import credential

    credential.allow_browser()


@cache
def surroundings() -> tuple[Surroundings, str]:
    """Give what the doctor looks at, and the data account's name."""
    from shared.adapters import azureml, credential, storage
    from shared.adapters.surroundings import AzureSurroundings, Told

    found = _settings()
    account = storage.StoragePlace(**vars(found.storage), credential=credential.credential)
    workspace = azureml.AzureMLPlace(**vars(found.azureml), credential=credential.credential)
    around = AzureSurroundings(account, workspace, Told(**vars(found.parts)))
    return around, found.storage.account


@cache
def poison() -> Poison:
    """Give the queues of what failed as often as it may."""
    from shared.adapters import credential, storage

    account = storage.StoragePlace(**vars(_settings().storage), credential=credential.credential)
    return storage.QueuePoison(account)


@cache
def world() -> World:
    """Build the world of this installation; raises Misconfigured naming every wrong setting."""
    from shared.adapters import azureml, credential, monitor, notices, prices, storage

    found = _settings()
    account = storage.StoragePlace(**vars(found.storage), credential=credential.credential)
    workspace = azureml.AzureMLPlace(**vars(found.azureml), credential=credential.credential)
    return World(
        ledger=storage.BlobDocuments(account),
        drops=storage.BlobDrops(account),
        recipes=storage.BlobRecipes(account),
        prepared=storage.BlobPrepared(account),
        steps=storage.QueueSteps(account),
        jobs=azureml.AzureMLJobs(workspace),
        models=azureml.AzureMLModels(workspace),
        computes=azureml.AzureMLComputes(workspace),
        endpoints=azureml.AzureMLEndpoints(workspace),
        monitor=monitor.AzureMonitor(workspace, found.metrics_url),
        prices=prices.RetailPrices(found.prices_url, lambda: datetime.now(UTC)),
        topic=notices.EventGridTopic(found.events_url, found.events_key, credential.credential),
        people=notices.Apprise(os.environ),
        now=lambda: datetime.now(UTC),
        new_id=lambda: uuid.uuid4().hex,
        installation=found.installation,
        workspace_id=found.azureml.workspace_id,
        limits=found.limits,
        component=found.component,
    )
