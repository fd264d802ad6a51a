"""Storage in memory: the ports Documents, Drops, Recipes, Prepared and Steps.

`fake.drops.put(path, data)` drops a data set, `fake.recipes.put(name, text)` writes a recipe,
`fake.steps.take()` gives the messages whose time has come. Failures are switched on:
`fake.fail_next("replace", Transient(...))`; with `after=True` the effect happens and the caller sees an
error. The contract suite runs against this as against the real adapters.
"""

from __future__ import annotations

import io
import math
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO
from unicodedata import category

from shared.datasets.tokenizer_files import NAMES
from shared.domain import drops, folders
from shared.domain.drops import Drop
from shared.domain.errors import Changed, Missing, Permanent
from shared.ports import Documents, Drops, Entry, Prepared, Recipes, Steps, Stored
from tests.fakes.boxes import Blob, Box
from tests.fakes.faults import Faults

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from shared.domain.drops import Member

PORTS = {"documents": Documents, "drops": Drops, "recipes": Recipes, "prepared": Prepared, "steps": Steps}
CALLS = frozenset(
    f"{name}.{call}" for name, port in PORTS.items() for call in vars(port) if not call.startswith("_")
)
PIECE = 4 << 20
LONGEST_DELAY = 7 * 86_400


class FakeDocuments:
    """`Documents` in memory."""

    def __init__(self, faults: Faults, now: Callable[[], datetime]) -> None:
        self._faults = faults
        self.box = Box(now)

    def read(self, name: str) -> Stored:
        with self._faults.call("documents.read"):
            found = self.box.read(name)
        return Stored(found.data, found.etag, found.metadata)

    def create(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        with self._faults.call("documents.create"):
            return self.box.create(name, data, metadata).etag

    def replace(self, name: str, data: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> str:
        with self._faults.call("documents.replace"):
            return self.box.replace(name, data, etag, metadata).etag

    def put(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        with self._faults.call("documents.put"):
            return self.box.write(name, data, metadata).etag

    def delete(self, name: str) -> None:
        with self._faults.call("documents.delete"):
            self.box.delete(name)

    def names(self, prefix: str) -> Iterator[Entry]:
        with self._faults.call("documents.names"):
            for blob in self.box.all(prefix):
                yield Entry(blob.name, blob.metadata, blob.modified)


class FakeDrops:
    """`Drops` in memory."""

    def __init__(self, faults: Faults, now: Callable[[], datetime]) -> None:
        self._faults = faults
        self.box = Box(now)

    def put(self, path: str, data: bytes, metadata: Mapping[str, str] | None = None) -> Drop:
        """Drop a data set, as a user would; no call is counted."""
        return _drop(self.box.write(path, data, metadata))

    def kept(self) -> Iterator[Drop]:
        """Give every drop; no call is counted and none fails."""
        return folders.listed(self._blobs())

    def find(self, path: str) -> Drop:
        with self._faults.call("drops.find"):
            if not drops.is_folder(path):
                if self.box.read(path).metadata.get("hdi_isfolder") == "true":
                    raise Missing("storage-missing", f"{path!r} is no file: it stands for a folder.")
                return _drop(self.box.read(path))
            found = folders.whole(path, self._blobs(path))
            if found is None:
                raise Missing(
                    "storage-missing", f"The folder {path!r} does not exist, or has no _SUCCESS yet."
                )
            return found

    def all(self) -> Iterator[Drop]:
        with self._faults.call("drops.all"):
            yield from folders.listed(self._blobs())

    def names(self, folder: str) -> Sequence[str]:
        with self._faults.call("drops.names"):
            return [blob.path.removeprefix(folder) for blob in self._blobs(folder)]

    def open(self, source: Drop | Member) -> Iterator[bytes]:
        with self._faults.call("drops.open"):
            self._version(source)
            for offset in range(0, source.size, PIECE):
                yield self._version(source).data[offset : offset + PIECE]

    def upload(self, path: str, source: BinaryIO, *, retrain: bool) -> Drop:
        with self._faults.call("drops.upload"):
            if any(category(sign) == "Cc" for sign in path):
                what = f"No blob can have the name {path!r}."
                raise Permanent("storage-name", what, "Choose another name.")
            return self.put(path, source.read(), {"retrain": "true"} if retrain else {})

    def _blobs(self, prefix: str = "") -> Iterator[Drop]:
        for blob in self.box.all(prefix):
            if blob.metadata.get("hdi_isfolder") != "true":
                yield _drop(blob)

    def _version(self, drop: Drop | Member) -> Blob:
        try:
            found = self.box.read(drop.path)
        except Missing as gone:
            raise Changed(gone.problem.code, gone.problem.message) from gone
        if found.etag != drop.etag:
            raise Changed("storage-changed", f"{drop.path!r} is no longer the version that was read.")
        return found


class FakeRecipes:
    """`Recipes` in memory."""

    def __init__(self, faults: Faults, now: Callable[[], datetime]) -> None:
        self._faults = faults
        self.box = Box(now)

    def put(self, name: str, text: str) -> None:
        """Write a recipe, as its owner would; no call is counted."""
        self.box.write(f"{name}.yaml", text.encode())

    def read(self, name: str) -> tuple[bytes, str]:
        with self._faults.call("recipes.read"):
            found = self.box.read(f"{name}.yaml")
        return found.data, found.etag

    def names(self) -> Sequence[str]:
        with self._faults.call("recipes.names"):
            found = [blob.name for blob in self.box.all()]
        return [name.removesuffix(".yaml") for name in found if name.endswith(".yaml") and "/" not in name]

    def chats(self, path: str) -> bytes:
        with self._faults.call("recipes.chats"):
            return self.box.read(path).data

    def tokenizer(self, model: str) -> Mapping[str, bytes]:
        folder = f"tokenizers/{model.replace('/', '-')}/"
        with self._faults.call("recipes.tokenizer"):
            found = {blob.name.removeprefix(folder): blob.data for blob in self.box.all(folder)}
        return {name: data for name, data in found.items() if name in NAMES}


class FakePrepared:
    """`Prepared` in memory. A fault of `writer` strikes when it is opened, one with after=True at its end."""

    def __init__(self, faults: Faults, now: Callable[[], datetime]) -> None:
        self._faults = faults
        self.box = Box(now)

    @contextmanager
    def writer(self, path: str) -> Iterator[BinaryIO]:
        with self._faults.call("prepared.writer"):
            file = _File()
            yield file
            file.close()
            self.box.write(path, file.written)

    def read(self, path: str) -> Iterator[bytes]:
        with self._faults.call("prepared.read"):
            data = self.box.read(path).data
            for offset in range(0, len(data), PIECE):
                yield data[offset : offset + PIECE]

    def names(self, folder: str) -> Sequence[str]:
        with self._faults.call("prepared.names"):
            return [blob.name for blob in self.box.all(folder)]

    def delete(self, path: str) -> None:
        with self._faults.call("prepared.delete"):
            self.box.delete(path)


@dataclass(frozen=True)
class Sent:
    """One message; due: when it can be seen. wake None: a hint."""

    run: str
    wake: int | None
    due: datetime

    @property
    def body(self) -> dict[str, Any]:
        return {"run": self.run} if self.wake is None else {"run": self.run, "wake": self.wake}


class FakeSteps:
    """`Steps` in memory; waiting: what nobody has taken yet, in the order it was sent."""

    def __init__(self, faults: Faults, now: Callable[[], datetime]) -> None:
        self._faults = faults
        self._now = now
        self._lock = threading.Lock()
        self.waiting: list[Sent] = []

    def send(self, run: str, *, wake: int | None = None, delay: float = 0) -> None:
        seconds = min(max(math.ceil(delay), 0), LONGEST_DELAY)
        with self._faults.call("steps.send"), self._lock:
            self.waiting.append(Sent(run, wake, self._now() + timedelta(seconds=seconds)))

    def take(self) -> list[Sent]:
        """Take the messages that can be seen now, earliest due first."""
        with self._lock:
            seen = [sent for sent in self.waiting if sent.due <= self._now()]
            self.waiting = [sent for sent in self.waiting if sent not in seen]
        return sorted(seen, key=lambda sent: sent.due)


class FakeStorage:
    """The five fakes. now: the test's clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._faults = Faults(CALLS)
        self.documents = FakeDocuments(self._faults, now)
        self.drops = FakeDrops(self._faults, now)
        self.recipes = FakeRecipes(self._faults, now)
        self.prepared = FakePrepared(self._faults, now)
        self.steps = FakeSteps(self._faults, now)

    @property
    def calls(self) -> Counter[str]:
        """How often each call was made, by its full name: `documents.replace`."""
        return self._faults.calls

    def count(self, name: str) -> int:
        return self._faults.calls[self._faults.full(name)]

    def stop_failing(self) -> None:
        """Switch every failure off."""
        self._faults.clear()

    def fail_next(self, name: str, error: Exception, *, times: int = 1, after: bool = False) -> None:
        self._faults.fail_next(name, error, times=times, after=after)


class _File(io.BytesIO):
    """A file whose bytes outlive its closing, for a text wrapper closes it."""

    written = b""

    def close(self) -> None:
        if not self.closed:
            self.written = self.getvalue()
        super().close()


def _drop(blob: Blob) -> Drop:
    metadata = {key.lower(): value for key, value in blob.metadata.items()}
    return Drop(blob.name, blob.etag, blob.modified, len(blob.data), metadata.get("retrain") == "true")
