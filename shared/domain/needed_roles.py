"""The roles that the app's identity cannot do without, and where: docs/roles.md in a form to be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
BLOB_WRITER = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
QUEUE_WRITER = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
MONITORING = "43d0d8ad-25c7-4714-9337-8ba259a9fe05"


@dataclass(frozen=True)
class Grant:
    """A role given. role: its definition's last part, a GUID; scope: a resource's id."""

    role: str
    scope: str


@dataclass(frozen=True)
class Need:
    """A role needed. enough: GUIDs of which one suffices; below: the scope under its account or workspace."""

    role: str
    enough: tuple[str, ...]
    below: str
    of_workspace: bool = False


READS, WRITES = (BLOB_READER, BLOB_WRITER, BLOB_OWNER), (BLOB_WRITER, BLOB_OWNER)
BLOBS, QUEUES = "/blobServices/default/containers/", "/queueServices/default/queues/"
NEEDS = (
    Need("Storage Blob Data Reader", READS, f"{BLOBS}datasets"),
    Need("Storage Blob Data Reader", READS, f"{BLOBS}recipes"),
    Need("Storage Blob Data Contributor", WRITES, f"{BLOBS}runs"),
    Need("Storage Blob Data Contributor", WRITES, f"{BLOBS}prepared"),
    Need("Storage Queue Data Contributor", (QUEUE_WRITER,), f"{QUEUES}run-steps"),
    Need("Storage Queue Data Contributor", (QUEUE_WRITER,), f"{QUEUES}run-steps-poison"),
    Need("Storage Queue Data Contributor", (QUEUE_WRITER,), f"{QUEUES}webjobs-blobtrigger-poison"),
    Need("AzureML Data Scientist", (SCIENTIST,), "", of_workspace=True),
    Need("Monitoring Reader", (MONITORING,), "", of_workspace=True),
)


def missing(grants: Iterable[Grant], account: str, workspace: str) -> Iterator[tuple[Need, str]]:
    """Say which needs no grant meets, each with its whole scope; a grant counts for all below its scope."""
    given = [Grant(one.role.lower(), one.scope.rstrip("/").lower()) for one in grants]
    for need in NEEDS:
        scope = (workspace if need.of_workspace else account) + need.below
        if not any(one.role in need.enough and _covers(one.scope, scope.lower()) for one in given):
            yield need, scope


def _covers(given: str, wanted: str) -> bool:
    return wanted == given or wanted.startswith(f"{given}/")
