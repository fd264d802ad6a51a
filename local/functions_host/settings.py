"""The app's settings and connections, looked up as the Functions host does. The environment is read here."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from azure.storage.queue import QueueClient, QueueServiceClient  # noqa: TID251 - the host talks to real queues

PLACEHOLDER = re.compile(r"%([^%]+)%")


class Unset(Exception):
    """A setting that a function needs is not set; the text is its name."""


def read_local_settings(folder: Path) -> None:
    """Add the Values of local.settings.json to the environment, as Core Tools do; what is set stays."""
    path = folder / "local.settings.json"
    if path.exists():
        for key, value in json.loads(path.read_text("utf-8")).get("Values", {}).items():
            os.environ.setdefault(key, str(value))  # noqa: TID251


def get(key: str, default: str = "") -> str:
    """Read one setting."""
    return os.environ.get(key, default)  # noqa: TID251


def resolve(value: str) -> str:
    """Put a setting's value in the place of %NAME%; raises Unset."""
    return PLACEHOLDER.sub(lambda found: _wanted(found[1]), value)


def _wanted(key: str) -> str:
    if not get(key):
        raise Unset(key)
    return get(key)


def queue_url(connection: str) -> str:
    """Find where a connection's queues are; empty where it is a connection string. Raises Unset."""
    if get(connection):
        return ""
    account = get(f"{connection}__accountName")
    url = f"https://{account}.queue.core.windows.net" if account else ""
    return get(f"{connection}__queueServiceUri") or url or _wanted(f"{connection}__queueServiceUri")


def disabled(function: str) -> bool:
    """Tell whether AzureWebJobs.<name>.Disabled switches the function off."""
    return get(f"AzureWebJobs.{function}.Disabled").lower() in {"1", "true"}


def queue(connection: str, name: str) -> QueueClient:
    """Open a queue, making it where it is missing. Its messages are text as it stands, not yet decoded."""
    from azure.core.exceptions import ResourceExistsError

    client = _service(connection).get_queue_client(name)
    with suppress(ResourceExistsError):
        client.create_queue()
    return client


def _service(connection: str) -> QueueServiceClient:
    from azure.identity import DefaultAzureCredential  # noqa: TID251
    from azure.storage.queue import QueueServiceClient  # noqa: TID251

    if get(connection):
        return QueueServiceClient.from_connection_string(get(connection))
    options: dict[str, Any] = {"credential": DefaultAzureCredential()}
    return QueueServiceClient(queue_url(connection), **options)
