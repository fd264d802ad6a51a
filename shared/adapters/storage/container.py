"""One container: clients for its blobs, calls that end in time, listings."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions

from shared.adapters.storage.errors import WRITER
from shared.domain.errors import Missing, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.storage.blob import BlobClient, ContainerClient

    from shared.adapters.storage.place import StoragePlace

LONGEST_NAME = 1024


@dataclass(frozen=True)
class Container:
    """One container. A name that no blob can have never reaches the network: `..` leads out of here."""

    place: StoragePlace
    name: str
    client: ContainerClient

    def existing(self, name: str) -> BlobClient:
        """Give a client to read or alter a blob; raises Missing for a name that no blob can have."""
        if not is_possible(name):
            raise Missing("storage-missing", f"No blob can have the name {_shown(name)}.")
        return self.client.get_blob_client(name)

    def new(self, name: str) -> BlobClient:
        """Give a client to write a blob; raises Permanent for a name that no blob can have."""
        if not is_possible(name):
            raise Permanent(
                "storage-name",
                f"No blob can have the name {_shown(name)}; expected 1 to {LONGEST_NAME} characters and no "
                "part that is . or ..",
                "Choose another name.",
            )
        return self.client.get_blob_client(name)

    @contextmanager
    def call(self, name: str | None = None, role: str = WRITER) -> Iterator[None]:
        """Do one call inside, about one blob or the whole container."""
        with self.place.call(self.what(name), role):
            yield

    def what(self, name: str | None = None) -> str:
        """Name a blob or the container in a message."""
        return f"the container {self.name}" if name is None else f"the blob {_shown(name)} in {self.name}"

    def listed(self, role: str = WRITER, **filters: Any) -> Iterator[Any]:  # noqa: ANN401 - list_blobs' own
        """List blobs page by page, each page a call of its own."""
        pages = self.client.list_blobs(include=["metadata"], **filters).by_page()
        while True:
            with self.call(role=role):
                page = list(next(pages, ()))
                more = pages.continuation_token
            yield from page
            if not more:
                return


def version(etag: str) -> dict[str, Any]:
    """Say to the SDK that the blob must be this version, else 412."""
    return {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}


def is_possible(name: str) -> bool:
    """Tell whether a blob can have this name. Storage reads a backslash as a slash, clients resolve `..`."""
    if not 0 < len(name) <= LONGEST_NAME or any("\ud800" <= sign <= "\udfff" for sign in name):
        return False
    return not {".", ".."} & set(re.split(r"[/\\]", name))


def _shown(name: str) -> str:
    shown = repr(name)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"  # noqa: PLR2004 - enough to know it by
