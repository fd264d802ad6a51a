"""Storage, in our words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from shared.domain.drops import Drop, Member


@dataclass(frozen=True)
class Stored:
    """A small document as it was read; etag: for the write that follows."""

    data: bytes
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One line of a listing."""

    name: str
    metadata: Mapping[str, str]
    modified: datetime


class Documents(Protocol):
    """Small documents with compare-and-swap: the ledger's container."""

    def read(self, name: str) -> Stored:
        """Read one; raises Missing."""

    def create(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Write one that must not exist, return its etag; raises AlreadyThere."""

    def replace(self, name: str, data: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> str:
        """Write over the version `etag`, return the new etag; raises Changed (also where it is gone)."""

    def put(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> str:
        """Write whatever is there, return the new etag."""

    def delete(self, name: str) -> None:
        """Delete it; what is not there is deleted already."""

    def names(self, prefix: str) -> Iterator[Entry]:
        """List documents in the order of their names, with metadata."""


class Drops(Protocol):
    """The container users drop data sets in. Nothing here ever writes it, but for `upload` (the CLI)."""

    def find(self, path: str) -> Drop:
        """Look at a file, or at a folder (`<recipe>/<drop>/`), as it is now; raises Missing.

        A folder without `_SUCCESS` is missing too: it is no drop yet.
        """

    def all(self) -> Iterator[Drop]:
        """List every file, and every folder that has its `_SUCCESS`."""

    def names(self, folder: str) -> Sequence[str]:
        """List what lies in a folder, `_SUCCESS` there or not: the paths within it."""

    def open(self, source: Drop | Member) -> Iterator[bytes]:
        """Stream the bytes of a file or a folder's member; raises Changed where that version is gone."""

    def upload(self, path: str, source: BinaryIO, *, retrain: bool) -> Drop:
        """Write one blob, as a user would; raises Permanent where that is not allowed."""


class Recipes(Protocol):
    """The container the owners keep their recipes in."""

    def read(self, name: str) -> tuple[bytes, str]:
        """Read a recipe's text and etag; raises Missing."""

    def names(self) -> Sequence[str]:
        """List the recipes' names."""

    def chats(self, path: str) -> bytes:
        """Read a file of chats that the owners measure models on; raises Missing."""

    def tokenizer(self, model: str) -> Mapping[str, bytes]:
        """Read what the owners keep of a base model's tokenizer, by file name; empty where it is nothing."""


class Prepared(Protocol):
    """Where prepared data and reports go: `<run>/<claim>/<file>`."""

    def writer(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a stream to write one file; an exception inside leaves no file."""

    def read(self, path: str) -> Iterator[bytes]:
        """Stream one file's bytes; raises Missing."""

    def names(self, folder: str) -> Sequence[str]:
        """List the paths of the files that lie in a folder, at any depth."""

    def delete(self, path: str) -> None:
        """Delete one file; what is not there is deleted already."""


class Steps(Protocol):
    """The queue of runs to look at."""

    def send(self, run: str, *, wake: int | None = None, delay: float = 0) -> None:
        """Ask for a look at `run` after `delay` seconds. Without a wake it is a hint."""
