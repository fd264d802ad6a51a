"""Documents with compare-and-swap: the ledger's container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.adapters.storage.container import version
from shared.adapters.storage.place import RUNS
from shared.domain.errors import Changed, Missing
from shared.ports import Entry, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from azure.storage.blob import BlobClient

    from shared.adapters.storage.place import StoragePlace


class BlobDocuments:
    """`shared.ports.Documents` over one container. Etags travel without quotes.

    A write whose answer was lost is tried again and may then meet itself: AlreadyThere or Changed does not
    prove that another wrote, and Transient does not prove that nothing was written. Read it to know.
    """

    def __init__(self, place: StoragePlace, container: str = RUNS) -> None:
        self._container = place.container(container)

    def read(self, name: str) -> Stored:
        """Read one; raises Missing."""
        blob = self._container.existing(name)
        with self._container.call(name):
            stream = blob.download_blob()
            data, found = stream.readall(), stream.properties
        return Stored(data, found.etag.strip('"'), found.metadata or {})

    def create(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Write one that must not exist; raises AlreadyThere."""
        return self._write(self._container.new(name), data, metadata, {"overwrite": False})

    def replace(self, name: str, data: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> str:
        """Write over the version `etag`; raises Changed."""
        condition = version(etag) | {"overwrite": True}
        try:
            return self._write(self._container.existing(name), data, metadata, condition)
        except Missing as gone:
            raise Changed(gone.problem.code, gone.problem.message) from gone

    def put(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Write whatever is there."""
        return self._write(self._container.new(name), data, metadata, {"overwrite": True})

    def delete(self, name: str) -> None:
        """Delete it; what is not there is deleted already."""
        try:
            blob = self._container.existing(name)
            with self._container.call(name):
                blob.delete_blob()
        except Missing:
            return

    def names(self, prefix: str) -> Iterator[Entry]:
        """List documents in the order of their names, with metadata."""
        for blob in self._container.listed(name_starts_with=prefix):
            yield Entry(blob.name, blob.metadata or {}, blob.last_modified)

    def _write(
        self, blob: BlobClient, data: bytes, metadata: Mapping[str, str] | None, condition: dict[str, Any]
    ) -> str:
        with self._container.call(blob.blob_name):
            made = blob.upload_blob(data, metadata=dict(metadata or {}), **condition)
        return str(made["etag"]).strip('"')
