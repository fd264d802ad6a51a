"""Documents with compare-and-swap: the ledger's container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.core import MatchConditions

from shared.adapters.storage.errors import mapped
from shared.adapters.storage.place import RUNS
from shared.domain.errors import Changed, Missing
from shared.ports import Entry, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.adapters.storage.place import StoragePlace


class BlobDocuments:
    """`shared.ports.Documents` over one container. Etags travel without quotes."""

    def __init__(self, place: StoragePlace, container: str = RUNS) -> None:
        self._client = place.container(container)

    def read(self, name: str) -> Stored:
        """Read one; raises Missing."""
        with mapped(f"the document {name!r}"):
            stream = self._client.download_blob(name)
            found = stream.properties
            return Stored(stream.readall(), found.etag.strip('"'), found.metadata or {})

    def create(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Write one that must not exist; raises AlreadyThere."""
        with mapped(f"the document {name!r}"):
            made = self._client.get_blob_client(name).upload_blob(
                data, metadata=dict(metadata or {}), overwrite=False
            )
        return str(made["etag"]).strip('"')

    def replace(self, name: str, data: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> str:
        """Write over the version `etag`; raises Changed."""
        try:
            with mapped(f"the document {name!r}"):
                made = self._client.get_blob_client(name).upload_blob(
                    data,
                    metadata=dict(metadata or {}),
                    overwrite=True,
                    etag=f'"{etag}"',
                    match_condition=MatchConditions.IfNotModified,
                )
        except Missing as gone:
            raise Changed(gone.problem.code, gone.problem.message) from gone
        return str(made["etag"]).strip('"')

    def put(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Write whatever is there."""
        with mapped(f"the document {name!r}"):
            made = self._client.get_blob_client(name).upload_blob(
                data, metadata=dict(metadata or {}), overwrite=True
            )
        return str(made["etag"]).strip('"')

    def delete(self, name: str) -> None:
        """Delete it; what is not there is deleted already."""
        try:
            with mapped(f"the document {name!r}"):
                self._client.delete_blob(name)
        except Missing:
            return

    def names(self, prefix: str) -> Iterator[Entry]:
        """List documents in the order of their names, with metadata."""
        with mapped(f"the documents below {prefix!r}"):
            for blob in self._client.list_blobs(name_starts_with=prefix, include=["metadata"]):
                yield Entry(blob.name, blob.metadata or {}, blob.last_modified)
