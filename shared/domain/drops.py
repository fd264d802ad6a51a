"""What a blob in `datasets` is: a drop, a member of a folder drop, or something to refuse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from shared.domain import names
from shared.domain.errors import Problem

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")


class Drop(msgspec.Struct, frozen=True):
    """One uploaded data set. path: within `datasets`; modified: UTC; size: bytes; etag: without quotes."""

    path: str
    etag: str
    modified: datetime
    size: int
    retrain: bool = False

    @property
    def recipe(self) -> str:
        """The folder it was dropped in, which names its recipe."""
        return self.path.split("/", 1)[0] if "/" in self.path else ""

    @property
    def run(self) -> str:
        """The name of the run it sets off."""
        recipe = self.recipe if names.is_recipe(self.recipe) else "unknown"
        return names.run(recipe, self.modified, self.path, self.etag)


@dataclass(frozen=True)
class Place:
    """What a path in `datasets` means: a drop, a part of one that waits, or a fault."""

    is_drop: bool
    problem: Problem | None = None


def place(path: str) -> Place:
    """Tell what a blob at `path` is. Depth 2 is a drop, depth 3 a member of a folder drop."""
    parts = path.split("/")
    if len(parts) == 1:
        return Place(
            is_drop=True,
            problem=refused(path, "lies outside any recipe's folder", "<recipe>/<name>.jsonl"),
        )
    if len(parts) == 3:  # noqa: PLR2004 - the depth of a folder drop's members
        return Place(is_drop=parts[2] == "_SUCCESS", problem=_folder(path))
    if len(parts) > 3:  # noqa: PLR2004
        return Place(is_drop=True, problem=refused(path, "lies too deep", "<recipe>/<name>.jsonl"))
    if not path.endswith(ENDINGS):
        return Place(is_drop=True, problem=refused(path, "has an unknown ending", " or ".join(ENDINGS)))
    return Place(is_drop=True)


def refused(path: str, found: str, expected: str) -> Problem:
    """Say why a blob sets off no training."""
    return Problem(
        "drop-refused",
        f"The blob {path!r} {found}; expected {expected}.",
        "Upload it again as one file: droptune drop FILE --recipe RECIPE",
    )


def _folder(path: str) -> Problem:
    return refused(path.rsplit("/", 1)[0], "is a folder of parts, which is not read yet", "one file")
