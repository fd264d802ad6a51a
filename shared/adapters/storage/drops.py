"""The container users drop their data sets in, and the owners' recipes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO

from shared.adapters.storage.container import version
from shared.adapters.storage.errors import READER, mapped
from shared.adapters.storage.place import DATASETS, PIECE, RECIPES
from shared.domain.drops import Drop
from shared.domain.errors import Changed, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from shared.adapters.storage.place import StoragePlace

AHEAD = 2
ENDING = ".yaml"


class BlobDrops:
    """`shared.ports.Drops` over the container `datasets`."""

    def __init__(self, place: StoragePlace) -> None:
        self._container = place.container(DATASETS)

    def find(self, path: str) -> Drop:
        """Look at one blob as it is now; raises Missing."""
        blob = self._container.existing(path)
        with self._container.call(path, READER):
            return _drop(blob.get_blob_properties())

    def all(self) -> Iterator[Drop]:
        """List every blob."""
        for blob in self._container.listed(READER):
            yield _drop(blob)

    def open(self, drop: Drop) -> Iterator[bytes]:
        """Stream its bytes in pieces of 4 MiB, two read ahead; raises Changed, also where it is gone."""
        try:
            if not drop.size:
                self._check(drop)
            with ThreadPoolExecutor(AHEAD, "drop-range") as pool:
                try:
                    yield from self._ahead(pool, drop)
                finally:
                    pool.shutdown(cancel_futures=True)
        except Missing as gone:
            raise Changed(gone.problem.code, gone.problem.message) from gone

    def upload(self, path: str, source: BinaryIO, *, retrain: bool) -> Drop:
        """Drop a file, as a user would; raises Changed where another drop took its place at once."""
        blob = self._container.new(path)
        with mapped(self._container.what(path)):
            made = blob.upload_blob(source, metadata={"retrain": "true"} if retrain else {}, overwrite=True)
        with self._container.call(path):
            return _drop(blob.get_blob_properties(**version(made["etag"].strip('"'))))

    def _ahead(self, pool: ThreadPoolExecutor, drop: Drop) -> Iterator[bytes]:
        """Yield the pieces in their order while the next two are being read."""
        waiting: deque[Future[bytes]] = deque()
        for offset in range(0, drop.size, PIECE):
            waiting.append(pool.submit(self._piece, drop, offset))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _piece(self, drop: Drop, offset: int) -> bytes:
        """Read one piece of the version that `drop` names, as it is stored whatever its content encoding."""
        blob = self._container.existing(drop.path)
        with self._container.call(drop.path, READER):
            stream = blob.download_blob(offset, PIECE, decompress=False, **version(drop.etag))
            data: bytes = stream.readall()
        return data

    def _check(self, drop: Drop) -> None:
        """Read nothing of an empty drop, but from the version that it names."""
        blob = self._container.existing(drop.path)
        with self._container.call(drop.path, READER):
            blob.get_blob_properties(**version(drop.etag))


class BlobRecipes:
    """`shared.ports.Recipes` over the container `recipes`."""

    def __init__(self, place: StoragePlace) -> None:
        self._container = place.container(RECIPES)

    def read(self, name: str) -> tuple[bytes, str]:
        """Read a recipe's text and etag; raises Missing."""
        path = f"{name}{ENDING}"
        blob = self._container.existing(path)
        with self._container.call(path, READER):
            stream = blob.download_blob()
            return stream.readall(), stream.properties.etag.strip('"')

    def names(self) -> Sequence[str]:
        """List the recipes' names; what lies in a folder is no recipe."""
        found = [blob.name for blob in self._container.listed(READER)]
        return [name.removesuffix(ENDING) for name in found if name.endswith(ENDING) and "/" not in name]


def _drop(blob: Any) -> Drop:  # noqa: ANN401 - BlobProperties, from a listing or from the blob itself
    """Read our words out of the SDK's. Names of metadata have no case on the wire."""
    metadata = {key.lower(): value for key, value in (blob.metadata or {}).items()}
    retrain = metadata.get("retrain") == "true"
    return Drop(blob.name, blob.etag.strip('"'), blob.last_modified, blob.size, retrain)
