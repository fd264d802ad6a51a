"""The container users drop their data sets in, and the owners' recipes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO

from azure.core import MatchConditions

from shared.adapters.storage.errors import mapped
from shared.adapters.storage.place import DATASETS, RECIPES
from shared.domain.drops import Drop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from shared.adapters.storage.place import StoragePlace

RANGE = 4 << 20
AHEAD = 2
READER = "Storage Blob Data Reader"


class BlobDrops:
    """`shared.ports.Drops` over the container `datasets`."""

    def __init__(self, place: StoragePlace) -> None:
        self._client = place.container(DATASETS)

    def find(self, path: str) -> Drop:
        """Look at one blob as it is now; raises Missing."""
        with mapped(f"the drop {path!r}", READER):
            return _drop(self._client.get_blob_client(path).get_blob_properties())

    def all(self) -> Iterator[Drop]:
        """List every blob."""
        with mapped("the container of drops", READER):
            for blob in self._client.list_blobs(include=["metadata"]):
                yield _drop(blob)

    def open(self, drop: Drop) -> Iterator[bytes]:
        """Stream its bytes in ranges of 4 MiB, two read ahead; raises Changed, Missing where it is gone."""
        blob = self._client.get_blob_client(drop.path)

        def read(offset: int) -> bytes:
            with mapped(f"the drop {drop.path!r}", READER):
                data: bytes = blob.download_blob(
                    offset, RANGE, etag=f'"{drop.etag}"', match_condition=MatchConditions.IfNotModified
                ).readall()
                return data

        with ThreadPoolExecutor(AHEAD, "drop-range") as pool:
            waiting: deque[Future[bytes]] = deque()
            for offset in range(0, drop.size, RANGE):
                waiting.append(pool.submit(read, offset))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def upload(self, path: str, source: BinaryIO, *, retrain: bool) -> Drop:
        """Drop a file, as a user would."""
        metadata = {"retrain": "true"} if retrain else {}
        with mapped(f"the drop {path!r}"):
            blob = self._client.get_blob_client(path)
            blob.upload_blob(source, metadata=metadata, overwrite=True)
            return _drop(blob.get_blob_properties())


class BlobRecipes:
    """`shared.ports.Recipes` over the container `recipes`."""

    def __init__(self, place: StoragePlace) -> None:
        self._client = place.container(RECIPES)

    def read(self, name: str) -> tuple[bytes, str]:
        """Read a recipe's text and etag; raises Missing."""
        with mapped(f"the recipe {name!r}", READER):
            stream = self._client.download_blob(f"{name}.yaml")
            return stream.readall(), stream.properties.etag.strip('"')

    def names(self) -> Sequence[str]:
        """List the recipes' names."""
        with mapped("the container of recipes", READER):
            return [n.removesuffix(".yaml") for n in self._client.list_blob_names() if n.endswith(".yaml")]


def _drop(blob: Any) -> Drop:  # noqa: ANN401 - BlobProperties, from a listing or from the blob itself
    retrain = (blob.metadata or {}).get("retrain") == "true"
    return Drop(blob.name, blob.etag.strip('"'), blob.last_modified, blob.size, retrain)
