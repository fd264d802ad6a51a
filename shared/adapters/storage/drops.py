"""The container users drop their data sets in, and the owners' recipes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO
from unicodedata import category

from shared.adapters.storage.container import version
from shared.adapters.storage.errors import READER, mapped
from shared.adapters.storage.place import DATASETS, PIECE, RECIPES
from shared.datasets.tokenizer_files import NAMES
from shared.domain import drops, folders
from shared.domain.drops import Drop
from shared.domain.errors import Changed, Missing, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from shared.adapters.storage.place import StoragePlace
    from shared.domain.drops import Member

AHEAD = 2
ENDING, TOKENIZERS = ".yaml", "tokenizers"
# Storage with a hierarchical namespace, and AzCopy, keep a folder as an empty blob with this metadata.
FOLDER_STUB = "hdi_isfolder"


class BlobDrops:
    """`shared.ports.Drops` over the container `datasets`."""

    def __init__(self, place: StoragePlace) -> None:
        self._container = place.container(DATASETS)

    def find(self, path: str) -> Drop:
        """Look at a file, or at a folder's blobs in one listing, as they are now; raises Missing."""
        if drops.is_folder(path):
            self._container.existing(path + drops.SUCCESS)
            found = folders.whole(path, self._blobs(path))
            if found is None:
                raise Missing(
                    "storage-missing", f"The folder {path!r} does not exist, or has no _SUCCESS yet."
                )
            return found
        blob = self._container.existing(path)
        with self._container.call(path, READER):
            found = blob.get_blob_properties()
        if _is_folder_stub(found):
            raise Missing("storage-missing", f"{path!r} is no file: it stands for a folder.")
        return _drop(found)

    def all(self) -> Iterator[Drop]:
        """List every file, and every folder that has its `_SUCCESS`."""
        yield from folders.listed(self._blobs())

    def names(self, folder: str) -> Sequence[str]:
        """List what lies in a folder, complete or not."""
        self._container.new(folder + drops.SUCCESS)
        return [blob.path.removeprefix(folder) for blob in self._blobs(folder)]

    def open(self, source: Drop | Member) -> Iterator[bytes]:
        """Stream its bytes in pieces of 4 MiB, two read ahead; raises Changed, also where it is gone."""
        try:
            if not source.size:
                self._check(source)
            with ThreadPoolExecutor(AHEAD, "drop-range") as pool:
                try:
                    yield from self._ahead(pool, source)
                finally:
                    pool.shutdown(cancel_futures=True)
        except Missing as gone:
            raise Changed(gone.problem.code, gone.problem.message) from gone

    def upload(self, path: str, source: BinaryIO, *, retrain: bool) -> Drop:
        """Write a file, as a user would; raises Changed where another drop took its place at once.

        Names may hold no control characters (Naming and Referencing Containers, Blobs, and Metadata); XML
        cannot hold most of them, so that one such blob may break each listing, and with it every receipt.
        """
        if any(category(sign) == "Cc" for sign in path):
            what = f"No blob can have the name {path!r}: it holds a control character."
            raise Permanent("storage-name", what, "Choose another name.")
        blob = self._container.new(path)
        with mapped(self._container.what(path)):
            made = blob.upload_blob(source, metadata={"retrain": "true"} if retrain else {}, overwrite=True)
        with self._container.call(path):
            return _drop(blob.get_blob_properties(**version(made["etag"].strip('"'))))

    def _blobs(self, prefix: str = "") -> Iterator[Drop]:
        """List blobs in the order of their names, each as a drop of its own; not what stands for a folder."""
        for blob in self._container.listed(READER, name_starts_with=prefix or None):
            if not _is_folder_stub(blob):
                yield _drop(blob)

    def _ahead(self, pool: ThreadPoolExecutor, drop: Drop | Member) -> Iterator[bytes]:
        """Yield the pieces in their order while the next two are being read."""
        waiting: deque[Future[bytes]] = deque()
        for offset in range(0, drop.size, PIECE):
            waiting.append(pool.submit(self._piece, drop, offset))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _piece(self, drop: Drop | Member, offset: int) -> bytes:
        """Read one piece of the version that `drop` names, as it is stored whatever its content encoding."""
        blob = self._container.existing(drop.path)
        with self._container.call(drop.path, READER):
            stream = blob.download_blob(offset, PIECE, decompress=False, **version(drop.etag))
            data: bytes = stream.readall()
        return data

    def _check(self, drop: Drop | Member) -> None:
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

    def chats(self, path: str) -> bytes:
        """Read a file of chats; raises Missing."""
        blob = self._container.existing(path)
        with self._container.call(path, READER):
            data: bytes = blob.download_blob().readall()
        return data

    def tokenizer(self, model: str) -> Mapping[str, bytes]:
        """Read the files under `tokenizers/<base model>/`; empty where there are none."""
        found = {}
        for name in NAMES:
            path = f"{TOKENIZERS}/{model.replace('/', '-')}/{name}"
            with suppress(Missing), self._container.call(path, READER):
                found[name] = self._container.existing(path).download_blob().readall()
        return found


def _is_folder_stub(blob: Any) -> bool:  # noqa: ANN401 - BlobProperties
    return (blob.metadata or {}).get(FOLDER_STUB) == "true"


def _drop(blob: Any) -> Drop:  # noqa: ANN401 - BlobProperties, from a listing or from the blob itself
    """Read our words out of the SDK's. Names of metadata have no case on the wire."""
    metadata = {key.lower(): value for key, value in (blob.metadata or {}).items()}
    retrain = metadata.get("retrain") == "true"
    return Drop(blob.name, blob.etag.strip('"'), blob.last_modified, blob.size, retrain)
