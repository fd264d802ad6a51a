"""Where this installation's storage is, and clients for it. Nothing connects before the first call."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.adapters.storage.container import Container
from shared.adapters.storage.errors import WRITER, mapped
from shared.adapters.storage.limits import CALL_SECONDS, TimedTransport, ending_in
from shared.domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.storage.queue import QueueClient

DATASETS, RECIPES, RUNS, PREPARED = "datasets", "recipes", "runs", "prepared"
RUN_STEPS = "run-steps"

PIECE = 4 << 20

PIECES: dict[str, Any] = {
    "max_single_put_size": PIECE,
    "max_block_size": PIECE,
    "max_single_get_size": PIECE,
    "max_chunk_get_size": PIECE,
}


@dataclass(frozen=True)
class StoragePlace:
    """An account: service URLs with an identity, or a connection string as Functions take one."""

    blob_url: str | None
    queue_url: str | None
    connection_string: str | None = field(repr=False)
    credential: Callable[[], Any]
    call_seconds: float = CALL_SECONDS

    def container(self, name: str) -> Container:
        """Give one container; raises Misconfigured where the connection string cannot be read."""
        from azure.storage.blob import ContainerClient

        return Container(self, name, self._client(ContainerClient, self.blob_url, name, **PIECES))

    def queue(self, name: str) -> QueueClient:
        """Make a client for one queue, with text encoded as the Functions host reads it: base64."""
        from azure.storage.queue import QueueClient, TextBase64EncodePolicy

        policy = TextBase64EncodePolicy()
        return self._client(QueueClient, self.queue_url, name, message_encode_policy=policy)

    @contextmanager
    def call(self, what: str, role: str = WRITER) -> Iterator[None]:
        """Do one call inside: it ends in time, and only our own errors leave it."""
        with ending_in(self.call_seconds), mapped(what, role):
            yield

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @cached_property
    def _transport(self) -> TimedTransport:
        return TimedTransport()

    def _client(self, kind: Any, url: str | None, name: str, **more: Any) -> Any:  # noqa: ANN401 - either SDK's client
        from shared.adapters.storage.tries import TimedTries

        options = {**more, "transport": self._transport, "retry_policy": TimedTries()}
        if not self.connection_string:
            return kind(url or "", name, credential=self.credential(), **options)
        try:
            _check_key(self.connection_string)
            return kind.from_connection_string(self.connection_string, name, **options)
        except ValueError as error:
            raise Misconfigured(
                "storage-connection-string",
                "DROPTUNE_STORAGE is no connection string that storage can read.",
                "Copy it again: az storage account show-connection-string --name ACCOUNT",
            ) from error


def _check_key(connection_string: str) -> None:
    """Raise ValueError for a key that is not base64: the SDK would find out with the first call alone."""
    for part in connection_string.split(";"):
        if part.startswith("AccountKey="):
            base64.b64decode(part.removeprefix("AccountKey="), validate=True)
