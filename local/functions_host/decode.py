"""Make the very objects a function gets, through azure.functions' own binding registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from azure.functions import meta
from azure.functions.meta import Datum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from azure.storage.queue import QueueMessage  # noqa: TID251 - the host talks to real queues

    from local.functions_host.index import Function


def event(body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - EventGridEvent, or CloudEvent where it has a specversion
    """Decode one Event Grid event."""
    return _registry("eventGridTrigger").decode(Datum(json.dumps(body), "json"), trigger_metadata={})


def message(found: QueueMessage) -> Any:  # noqa: ANN401 - azure.functions.QueueMessage
    """Decode a queue message with its metadata."""
    metadata = {
        "Id": Datum(found.id, "string"),
        "DequeueCount": Datum(str(found.dequeue_count), "string"),
        "PopReceipt": Datum(found.pop_receipt or "", "string"),
        "InsertionTime": Datum(_iso(found.inserted_on), "string"),
        "ExpirationTime": Datum(_iso(found.expires_on), "string"),
        "NextVisibleTime": Datum(_iso(found.next_visible_on), "string"),
    }
    return _registry("queueTrigger").decode(Datum(found.content, "string"), trigger_metadata=metadata)


def timer(*, past_due: bool) -> Any:  # noqa: ANN401 - azure.functions.TimerRequest
    """Decode a timer's tick."""
    tick = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": past_due}
    return _registry("timerTrigger").decode(Datum(json.dumps(tick), "json"), trigger_metadata={})


def request(method: str, url: str, parts: Mapping[str, Mapping[str, str]], body: bytes) -> Any:  # noqa: ANN401
    """Decode an HTTP request. parts: headers (names in lower case), query, route."""
    values = {
        "method": Datum(method, "string"),
        "url": Datum(url, "string"),
        "headers": {key: Datum(value, "string") for key, value in parts["headers"].items()},
        "query": {key: Datum(value, "string") for key, value in parts["query"].items()},
        "params": {key: Datum(value, "string") for key, value in parts["route"].items()},
        "body": Datum(body, "bytes"),
    }
    return _registry("httpTrigger").decode(Datum(values, "http"), trigger_metadata={})


def response(returned: object) -> tuple[int, dict[str, str], bytes]:
    """Turn what an HTTP function returned, a response or text, into status, headers and body."""
    encoded = meta.get_binding_registry().get("http").encode(returned, expected_type=None)
    if encoded.type == "string":
        return 200, {"content-type": "text/plain; charset=utf-8"}, encoded.value.encode()
    parts = encoded.value
    headers = {key: str(getattr(value, "value", value)) for key, value in parts["headers"].items()}
    body = getattr(parts["body"], "value", parts["body"])
    return int(getattr(parts["status_code"], "value", parts["status_code"])), headers, body or b""


def blob(function: Function, container: str, name: str) -> Any:  # noqa: ANN401 - the SDK's client
    """Make the blob client a function asks for. Its connection is a name; the extension looks it up."""
    from azurefunctions.extensions.base import get_binding_registry

    data = {"Connection": function.binding["connection"], "ContainerName": container, "BlobName": name}
    binding = _BindingData(json.dumps(data).encode())
    return (
        get_binding_registry()
        .get("blobTrigger")
        .decode(Datum(binding, "model_binding_data"), trigger_metadata=None, pytype=function.annotation)
    )


class _BindingData:
    """Looks like the worker's ModelBindingData."""

    version = "1.0"
    source = "AzureStorageBlobs"
    content_type = "application/json"

    def __init__(self, content: bytes) -> None:
        self.content = content


def _registry(kind: str) -> Any:  # noqa: ANN401 - a converter class
    return meta.get_binding_registry().get(kind)


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""
