"""The two event subscriptions that Droptune lives on: their names, where they lead, what they let through.

Sources: MicrosoftDocs/azure-docs event-grid/event-filtering.md (values are compared without case),
event-schema-blob-storage.md (`data.api`: a file that is still being written raises CreateFile, which tells
nothing), event-schema-machine-learning.md. Standard library only: infra/hooks/subscribe.py imports it without
an environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DEAD_LETTERS = "dead-letters"
KEY = "blobs_extension"
ATTEMPTS, MINUTES = 30, 1440


@dataclass(frozen=True)
class Subscription:
    """One subscription. topic: which of the two; function: who is told; apis: of `data.api`."""

    name: str
    topic: str
    function: str
    types: tuple[str, ...]
    subject: str = ""
    apis: tuple[str, ...] = ()


DROPS = Subscription(
    name="dataset-uploaded",
    topic="drops",
    function="dataset_uploaded",
    types=("Microsoft.Storage.BlobCreated",),
    # With its last slash: without it, every container whose name begins so would be told of.
    subject="/blobServices/default/containers/datasets/",
    apis=("PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose", "SftpCommit"),
)
JOBS = Subscription(
    name="job-finished",
    topic="jobs",
    function="job_finished",
    types=(
        "Microsoft.MachineLearningServices.RunCompleted",
        "Microsoft.MachineLearningServices.RunStatusChanged",
    ),
)
ALL = (DROPS, JOBS)


def webhook(host: str, function: str) -> str:
    """Give the blob extension's webhook of one function, without its key."""
    return f"https://{host}/runtime/webhooks/blobs?functionName=Host.Functions.{function}"


def filter_of(wanted: Subscription) -> dict[str, Any]:
    """Say the filter as the resource manager takes it."""
    found: dict[str, Any] = {
        "includedEventTypes": list(wanted.types),
        "isSubjectCaseSensitive": False,
        "enableAdvancedFilteringOnArrays": True,
    }
    if wanted.subject:
        found["subjectBeginsWith"] = wanted.subject
    if wanted.apis:
        found["advancedFilters"] = [
            {"operatorType": "StringIn", "key": "data.api", "values": list(wanted.apis)}
        ]
    return found


def body(wanted: Subscription, destination: Mapping[str, Any], account: str) -> dict[str, Any]:
    """Say the whole subscription; account: the storage account's id, where what is given up goes."""
    letters = {
        "endpointType": "StorageBlob",
        "properties": {"resourceId": account, "blobContainerName": DEAD_LETTERS},
    }
    return {
        "properties": {
            "destination": dict(destination),
            "filter": filter_of(wanted),
            "eventDeliverySchema": "EventGridSchema",
            "retryPolicy": {"maxDeliveryAttempts": ATTEMPTS, "eventTimeToLiveInMinutes": MINUTES},
            "deadLetterWithResourceIdentity": {
                "identity": {"type": "SystemAssigned"},
                "deadLetterDestination": letters,
            },
        }
    }


def faults(wanted: Subscription, found: Mapping[str, Any], app: str, host: str) -> list[str]:
    """Say what a subscription, as the resource manager tells it, lacks; empty: it is as it should be.

    app: the Function App's id; host: its name in the web.
    """
    properties: Mapping[str, Any] = found.get("properties") or {}
    said = list(_filter_faults(wanted, properties.get("filter") or {}))
    state = str(properties.get("provisioningState") or "unknown")
    if state.lower() != "succeeded":
        said.append(f"its state is {state}, expected Succeeded")
    target = properties.get("destination") or {}
    if not _leads_to(wanted, target.get("properties") or {}, app, host):
        said.append(f"it does not lead to the function {wanted.function} of {host}")
    identity = (properties.get("deadLetterWithResourceIdentity") or {}).get("deadLetterDestination")
    letters = (identity or properties.get("deadLetterDestination") or {}).get("properties") or {}
    if letters.get("blobContainerName") != DEAD_LETTERS:
        said.append(f"it drops what it cannot deliver, expected the container {DEAD_LETTERS}")
    return said


def _filter_faults(wanted: Subscription, found: Mapping[str, Any]) -> list[str]:
    said = []
    types = {str(one).lower() for one in found.get("includedEventTypes") or ()}
    missing = [one for one in wanted.types if one.lower() not in types]
    if missing and "all" not in types:
        said.append(f"it lets no {', '.join(missing)} through")
    subject = str(found.get("subjectBeginsWith") or "")
    if subject.lower() != wanted.subject.lower():
        said.append(f"its subject begins with {subject!r}, expected {wanted.subject!r}")
    apis = {
        str(value).lower()
        for one in found.get("advancedFilters") or ()
        if one.get("key") == "data.api" and one.get("operatorType") == "StringIn"
        for value in one.get("values") or ()
    }
    if wanted.apis and apis != {one.lower() for one in wanted.apis}:
        shown = ", ".join(sorted(apis)) or "nothing"
        said.append(f"it filters data.api by {shown}, expected {', '.join(wanted.apis)}")
    return said


def _leads_to(wanted: Subscription, target: Mapping[str, Any], app: str, host: str) -> bool:
    resource = str(target.get("resourceId") or "")
    if resource:
        return resource.lower() == f"{app}/functions/{wanted.function}".lower()
    # Azure tells a webhook's address without its query (endpointBaseUrl), for that holds the key.
    url = str(target.get("endpointUrl") or target.get("endpointBaseUrl") or "")
    address, _, query = url.partition("?")
    named = [one for one in query.split("&") if one.startswith("functionName=")]
    right = named in ([], [f"functionName=Host.Functions.{wanted.function}"])
    return right and address.partition("://")[2].lower() == f"{host}/runtime/webhooks/blobs".lower()
