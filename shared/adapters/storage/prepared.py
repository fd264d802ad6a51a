"""Prepared data and reports: streams of blocks, committed at their end."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from shared.adapters.storage.errors import mapped
from shared.adapters.storage.place import PREPARED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.storage.blob import BlobClient

    from shared.adapters.storage.place import StoragePlace

BLOCK = 4 << 20


class BlobPrepared:
    """`shared.ports.Prepared` over the container `prepared`."""

    def __init__(self, place: StoragePlace) -> None:
        self._client = place.container(PREPARED)

    @contextmanager
    def writer(self, path: str) -> Iterator[BinaryIO]:
        """Open a stream to write one file; an exception inside leaves no file, for nothing is committed."""
        blocks = _Blocks(self._client.get_blob_client(path), path)
        yield cast("BinaryIO", blocks)
        blocks.commit()

    def read(self, path: str) -> Iterator[bytes]:
        """Stream one file's bytes; raises Missing."""
        with mapped(f"the prepared file {path!r}"):
            yield from self._client.download_blob(path).chunks()


class _Blocks(io.RawIOBase):
    """Bytes in, blocks of 4 MiB out; at most one block is held."""

    def __init__(self, blob: BlobClient, path: str) -> None:
        super().__init__()
        self._blob = blob
        self._path = path
        self._buffer = bytearray()
        self._ids: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(cast("bytes", data))
        self._buffer += part
        while len(self._buffer) >= BLOCK:
            self._stage(bytes(self._buffer[:BLOCK]))
            del self._buffer[:BLOCK]
        return len(part)

    def commit(self) -> None:
        """Write what is left and make the file."""
        from azure.storage.blob import BlobBlock

        if self._buffer:
            self._stage(bytes(self._buffer))
        with mapped(f"the prepared file {self._path!r}"):
            self._blob.commit_block_list([BlobBlock(block_id=one) for one in self._ids])

    def _stage(self, data: bytes) -> None:
        block = f"{len(self._ids):08d}"
        with mapped(f"the prepared file {self._path!r}"):
            self._blob.stage_block(block, data, length=len(data))
        self._ids.append(block)
