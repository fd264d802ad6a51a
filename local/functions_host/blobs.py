"""Blob triggers with Event Grid as their source: a webhook, an internal queue, then queue rules."""

from __future__ import annotations

import base64
import json
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobClient  # noqa: TID251 - it reads a blob's URL as Azure's own SDKs do

from local.functions_host import decode, settings
from local.functions_host.queues import Listener

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.storage.queue import QueueClient, QueueMessage  # noqa: TID251 - the host talks to real queues

    from local.functions_host.calls import Caller
    from local.functions_host.index import Function
    from local.functions_host.queues import Rules

log = logging.getLogger("blobs")
HOST_STORAGE = "AzureWebJobsStorage"
PREFIX = "Host.Functions."


def internal_queue(function: str) -> str:
    """Name the queue between webhook and function; Azure names it by the host's id."""
    return "azure-webjobs-blobtrigger-" + function.replace("_", "-").lower()


class BlobDelivery:
    """One blob-triggered function's way from the event to the call."""

    def __init__(self, function: Function, caller: Caller, rules: Rules) -> None:
        self._function, self._caller = function, caller
        queue = internal_queue(function.name)
        self._listener = Listener(HOST_STORAGE, queue, self._handle, rules, caller.pool)
        self._queue = queue

    def start(self) -> None:
        """Begin to deliver."""
        self._listener.start()

    def stop(self) -> None:
        """Take no more."""
        self._listener.stop()

    def accept(self, event: Mapping[str, Any]) -> None:
        """Put a BlobCreated event's blob into the internal queue."""
        if event.get("eventType") != "Microsoft.Storage.BlobCreated":
            return
        blob = BlobClient.from_blob_url(str(event["data"]["url"]))
        body = {
            "Type": "BlobTrigger",
            "FunctionId": PREFIX + self._function.name,
            "ContainerName": blob.container_name,
            "BlobName": blob.blob_name,
            "ETag": str(event["data"].get("eTag", "")),
        }
        content = base64.b64encode(json.dumps(body).encode()).decode()
        self._internal_queue.send_message(content)

    @cached_property
    def _internal_queue(self) -> QueueClient:
        return settings.queue(HOST_STORAGE, self._queue)

    def _handle(self, message: QueueMessage) -> None:
        """Call the function; a blob that has vanished counts as done, as on Azure."""
        found = json.loads(message.content)
        client = decode.blob(self._function, found["ContainerName"], found["BlobName"])
        try:
            client.get_blob_properties()
        except ResourceNotFoundError:
            log.info("function=%s: the blob is gone, nothing is called", self._function.name)
            return
        self._caller.call(self._function, client)
