"""The SDK's clients. `azure.ai.ml` costs seconds and 100 MB to import, so only a call imports it."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from shared.adapters.azureml import patience

if TYPE_CHECKING:
    from azure.ai.ml import MLClient


def load() -> None:
    """Import the SDK, so that a call's limit begins after it."""
    importlib.import_module("azure.ai.ml")


def of_workspace(credential: Any, subscription: str, group: str, workspace: str) -> MLClient:  # noqa: ANN401
    """Make the client of a workspace."""
    return _make(
        credential, subscription_id=subscription, resource_group_name=group, workspace_name=workspace
    )


def of_registry(credential: Any, registry: str) -> MLClient:  # noqa: ANN401
    """Make the client of a registry; asks where it is."""
    return _make(credential, registry_name=registry)


def _make(credential: Any, **place: str) -> MLClient:  # noqa: ANN401
    from azure.ai.ml import MLClient

    # Each call logs its start, and its failure with Azure's whole text: the caller raises that anyway.
    logging.getLogger("azure.ai.ml._telemetry").propagate = False
    return MLClient(
        credential,
        **place,
        enable_telemetry=False,
        show_progress=False,
        transport=patience.transport(),
        **patience.RETRIES,
    )
