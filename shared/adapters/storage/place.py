"""Where this installation's storage is, and clients for it. Nothing connects before the first call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.storage.blob import ContainerClient
    from azure.storage.queue import QueueClient

DATASETS, RECIPES, RUNS, PREPARED = "datasets", "recipes", "runs", "prepared"
RUN_STEPS = "run-steps"

# Four tries over about 4 s, each call's socket waits at most 20 s for a first byte: below the 30 s that
# every call of ours may take.
TRIES: dict[str, Any] = {
    "retry_total": 3,
    "initial_backoff": 0.4,
    "increment_base": 2,
    "retry_to_secondary": False,
}
TIMES: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 20}


@dataclass(frozen=True)
class StoragePlace:
    """An account: service URLs with an identity, or a connection string as Functions take one."""

    blob_url: str | None
    queue_url: str | None
    connection_string: str | None
    credential: Callable[[], Any]

    def container(self, name: str) -> ContainerClient:
        """Make a client for one container."""
        from azure.storage.blob import ContainerClient

        if self.connection_string:
            return ContainerClient.from_connection_string(self.connection_string, name, **TRIES, **TIMES)
        return ContainerClient(self.blob_url or "", name, credential=self.credential(), **TRIES, **TIMES)

    def queue(self, name: str) -> QueueClient:
        """Make a client for one queue, with text encoded as the Functions host reads it: base64."""
        from azure.storage.queue import QueueClient, TextBase64EncodePolicy

        options = {**TRIES, **TIMES, "message_encode_policy": TextBase64EncodePolicy()}
        if self.connection_string:
            return QueueClient.from_connection_string(self.connection_string, name, **options)
        return QueueClient(self.queue_url or "", name, credential=self.credential(), **options)
