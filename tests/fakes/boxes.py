"""A container of blobs in memory: what the fakes of the storage ports stand on."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.domain.errors import AlreadyThere, Changed, Missing, Permanent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

LONGEST_NAME = 1024
ETAGS = itertools.count(0x8DE000000000000)


@dataclass(frozen=True)
class Blob:
    """One version of a blob; modified: whole seconds, as on the wire."""

    name: str
    data: bytes
    modified: datetime
    metadata: Mapping[str, str]
    etag: str = field(default_factory=lambda: f"0x{next(ETAGS):X}")


class Box:
    """Blobs by name; every method is one step that no other thread can divide."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._blobs: dict[str, Blob] = {}
        self._lock = threading.Lock()

    def read(self, name: str) -> Blob:
        with self._lock:
            found = self._blobs.get(name)
        if found is None:
            raise Missing("storage-missing", f"The blob {name!r} does not exist.")
        return found

    def write(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> Blob:
        with self._lock:
            return self._write(name, data, metadata)

    def create(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> Blob:
        with self._lock:
            if name in self._blobs:
                raise AlreadyThere("storage-exists", f"The blob {name!r} exists already.")
            return self._write(name, data, metadata)

    def replace(self, name: str, data: bytes, etag: str, metadata: Mapping[str, str] | None) -> Blob:
        with self._lock:
            found = self._blobs.get(name)
            if found is None or found.etag != etag:
                raise Changed("storage-changed", f"The blob {name!r} is no longer the version that was read.")
            return self._write(name, data, metadata)

    def delete(self, name: str) -> None:
        with self._lock:
            self._blobs.pop(name, None)

    def all(self, prefix: str = "") -> Iterator[Blob]:
        with self._lock:
            found = [blob for name, blob in self._blobs.items() if name.startswith(prefix)]
        yield from sorted(found, key=lambda blob: blob.name)

    def _write(self, name: str, data: bytes, metadata: Mapping[str, str] | None) -> Blob:
        parts = re.split(r"[/\\]", name)
        if not 0 < len(name) <= LONGEST_NAME or "." in parts or ".." in parts:
            raise Permanent("storage-name", f"No blob can have the name {name!r}.", "Choose another name.")
        modified = self._now().replace(microsecond=0)
        blob = Blob(name, bytes(data), modified, dict(metadata or {}))
        self._blobs[name] = blob
        return blob
