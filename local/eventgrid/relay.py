"""A relay that raises what Azurite does not: BlobCreated events for a container's new blobs."""

from __future__ import annotations

import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from azure.storage.blob import ContainerClient  # noqa: TID251 - a reader of storage, as any program

    from local.eventgrid.topic import Topic

log = logging.getLogger("eventgrid")
POLL_SECONDS = 0.5


def open_container(blob_url: str, container: str) -> ContainerClient:
    """Open a container with the identity that this process has."""
    from azure.identity import DefaultAzureCredential  # noqa: TID251
    from azure.storage.blob import ContainerClient  # noqa: TID251

    return ContainerClient(blob_url, container, credential=DefaultAzureCredential())


class BlobWatch:
    """Tells of every new or rewritten blob of a container; what it has told survives a restart."""

    def __init__(self, container: ContainerClient, state: Path | None) -> None:
        self._client, self._state = container, state
        self._seen: dict[str, str] = json.loads(state.read_text()) if state and state.exists() else {}

    def new_events(self) -> Iterator[dict[str, Any]]:
        """Look once; yield an event for each blob whose ETag was not told before.

        They count as told when the last has been taken, so that a crash in between doubles and never loses.
        """
        found = {blob.name: blob for blob in self._client.list_blobs()}
        fresh = [blob for name, blob in found.items() if self._seen.get(name) != blob.etag]
        for blob in fresh:
            yield self._event(blob)
        if fresh or len(found) != len(self._seen):
            self._seen = {name: blob.etag for name, blob in found.items()}
            if self._state:
                part = self._state.with_suffix(".part")
                part.write_text(json.dumps(self._seen))
                part.replace(self._state)

    def _event(self, blob: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's BlobProperties
        """Shape as in MicrosoftDocs/azure-docs event-grid/event-schema-blob-storage.md."""
        request = str(uuid.uuid4())
        return {
            "id": str(uuid.uuid4()),
            "subject": f"/blobServices/default/containers/{self._client.container_name}/blobs/{blob.name}",
            "eventType": "Microsoft.Storage.BlobCreated",
            "eventTime": blob.last_modified.isoformat(),
            "data": {
                "api": "PutBlob",
                "clientRequestId": request,
                "requestId": request,
                "eTag": blob.etag,
                "contentType": blob.content_settings.content_type or "application/octet-stream",
                "contentLength": blob.size,
                "blobType": "BlockBlob",
                "url": self._client.get_blob_client(blob.name).url,
                "sequencer": uuid.uuid4().hex,
                "storageDiagnostics": {"batchId": str(uuid.uuid4())},
            },
        }


def watch(topic: Topic, blobs: BlobWatch, over: threading.Event, subscriptions: int) -> None:
    """Poll until told to stop. Nothing is told before every subscription has answered: it would be lost."""
    while not over.wait(POLL_SECONDS):
        if len(topic.subscriptions) < subscriptions:
            continue
        try:
            for event in blobs.new_events():
                topic.publish([event])
        except AzureError as error:
            log.warning("the container is not to be read just now: %s", type(error).__name__)
