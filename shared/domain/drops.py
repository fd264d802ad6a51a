"""What a blob in `datasets` is: a drop, a member of a folder drop, or something to refuse."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from shared.domain import names
from shared.domain.errors import Problem

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")
Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
SUCCESS = "_SUCCESS"
DEPTH = 2  # parts of a drop's path: its recipe and its name
FILE_HELP = "Upload it again as one file: droptune drop FILE --recipe RECIPE"


class Member(msgspec.Struct, frozen=True, order=True):
    """One file of a folder drop. path: within `datasets`; etag: without quotes; modified: UTC."""

    path: str
    etag: str
    size: int
    modified: datetime

    @property
    def name(self) -> str:
        """Its path within the folder."""
        return self.path.split("/", DEPTH)[DEPTH]

    @property
    def part(self) -> Part | None:
        """The part that its rows are given for; None: no name that a member can have."""
        return part_of(self.name)


class Drop(msgspec.Struct, frozen=True):
    """One uploaded data set, a file or a folder.

    path: within `datasets`, a folder's with a slash at its end; modified: UTC; size: bytes; etag: without
    quotes. Time, ETag and retrain of a folder are those of its `_SUCCESS`; members: its files, by path.
    """

    path: str
    etag: str
    modified: datetime
    size: int
    retrain: bool = False
    members: tuple[Member, ...] = ()

    @property
    def recipe(self) -> str:
        """The folder it was dropped in, which names its recipe."""
        return self.path.split("/", 1)[0] if "/" in self.path else ""

    @property
    def run(self) -> str:
        """The name of the run it sets off."""
        recipe = self.recipe if names.is_recipe(self.recipe) else "unknown"
        content = [(member.path, member.etag) for member in sorted(self.members)]
        return names.run(recipe, self.modified, *itertools.chain(*(content or [(self.path, self.etag)])))

    @property
    def settled(self) -> datetime:
        """When the last of its blobs was written."""
        return max([self.modified, *(member.modified for member in self.members)])

    def is_still(self, found: Drop) -> bool:
        """Tell whether what is found under its path now has the same bytes."""
        if self.members or found.members:
            return sorted(self.members) == sorted(found.members)
        return self.etag == found.etag


@dataclass(frozen=True)
class Place:
    """What a path in `datasets` means. drop: the path of what it sets off; None: nothing by itself."""

    drop: str | None
    problem: Problem | None = None

    @property
    def is_drop(self) -> bool:
        """Tell whether it sets off a drop."""
        return self.drop is not None


def place(path: str) -> Place:
    """Tell what a blob at `path` is. Depth 2 is a drop, depth 3 a member of a folder drop."""
    parts = path.split("/")
    if len(parts) == 1:
        return Place(path, refused(path, "lies outside any recipe's folder", "<recipe>/<name>.jsonl"))
    if len(parts) == DEPTH + 1:
        return Place(folder_of(path) if parts[DEPTH] == SUCCESS else None)
    if len(parts) > DEPTH + 1:
        return Place(
            path, refused(path, "lies too deep", "<recipe>/<name>.jsonl or <recipe>/<folder>/train.jsonl")
        )
    if not path.endswith(ENDINGS):
        return Place(path, refused(path, "has an unknown ending", " or ".join(ENDINGS)))
    return Place(path)


def is_folder(path: str) -> bool:
    """Tell whether a drop's path is that of a folder."""
    return path.endswith("/")


def folder_of(path: str) -> str:
    """Give the path of the folder that a blob of depth 3 or more lies in: `<recipe>/<drop>/`."""
    return "/".join(path.split("/")[:DEPTH]) + "/"


def part_of(name: str) -> Part | None:
    """Tell which part a file of a folder is: `train.jsonl.gz` is train; None where it is none."""
    return next((part for part in PARTS if name in {part + ending for ending in ENDINGS}), None)


def refused(path: str, found: str, expected: str, help_: str = FILE_HELP) -> Problem:
    """Say why a drop sets off no training."""
    what = "folder" if is_folder(path) else "blob"
    return Problem("drop-refused", f"The {what} {path!r} {found}; expected {expected}.", help_)
