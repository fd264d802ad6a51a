"""Prepared data and reports: streams of blocks, committed at their end."""

from __future__ import annotations

import io
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from shared.adapters.storage.place import PIECE, PREPARED
from shared.domain.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from azure.storage.blob import BlobClient

    from shared.adapters.storage.container import Container
    from shared.adapters.storage.place import StoragePlace


class BlobPrepared:
    """`shared.ports.Prepared` over the container `prepared`."""

    def __init__(self, place: StoragePlace) -> None:
        self._container = place.container(PREPARED)

    @contextmanager
    def writer(self, path: str) -> Iterator[BinaryIO]:
        """Open a stream to write one file; an exception inside leaves no file, for nothing is committed."""
        blocks = _Blocks(self._container, self._container.new(path))
        try:
            yield cast("BinaryIO", blocks)
            blocks.commit()
        finally:
            blocks.close()

    def read(self, path: str) -> Iterator[bytes]:
        """Stream one file's bytes; raises Missing."""
        blob = self._container.existing(path)
        with self._container.call(path):
            pieces = iter(blob.download_blob().chunks())
        while True:
            with self._container.call(path):
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def names(self, folder: str) -> Sequence[str]:
        """List the paths of the files in a folder, at any depth."""
        return [blob.name for blob in self._container.listed(name_starts_with=folder)]

    def delete(self, path: str) -> None:
        """Delete one file."""
        with suppress(Missing):
            blob = self._container.existing(path)
            with self._container.call(path):
                blob.delete_blob()


class _Blocks(io.RawIOBase):
    """Bytes in, blocks of 4 MiB out; no more than one block waits."""

    def __init__(self, container: Container, blob: BlobClient) -> None:
        super().__init__()
        self._container = container
        self._blob = blob
        self._waiting = bytearray()
        self._ids: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        if self.closed:
            raise ValueError("the file was closed")
        with memoryview(cast("bytes", data)) as given, given.cast("B") as part:
            start = 0
            while start < len(part):
                end = start + PIECE - len(self._waiting)
                self._waiting += part[start:end]
                start = end
                if len(self._waiting) == PIECE:
                    self._stage()
            return len(part)

    def commit(self) -> None:
        """Write what is left and make the file."""
        from azure.storage.blob import BlobBlock

        if self._waiting:
            self._stage()
        with self._container.call(self._blob.blob_name):
            self._blob.commit_block_list([BlobBlock(block_id=one) for one in self._ids])

    def _stage(self) -> None:
        block = f"{len(self._ids):08d}"
        with self._container.call(self._blob.blob_name):
            self._blob.stage_block(block, bytes(self._waiting))
        self._ids.append(block)
        self._waiting.clear()
