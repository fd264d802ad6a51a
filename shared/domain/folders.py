"""Folder drops: which blobs make one, when it is whole, and what is wrong with it."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.drops import (
    DEPTH,
    ENDINGS,
    PARTS,
    SUCCESS,
    Drop,
    Member,
    folder_of,
    is_folder,
    part_of,
    place,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shared.domain.errors import Problem

SKEW = timedelta(seconds=5)  # servers of one storage account agree no closer, and tell whole seconds
HELP = f"Mend the folder and write {SUCCESS} again, last of all: droptune drop DIR --recipe RECIPE"
MOST_NAMED = 5
MOST_MEMBERS = 100  # of a folder that is refused, for no other has as many: a document stays small


def listed(blobs: Iterable[Drop]) -> Iterator[Drop]:
    """Give the drops among all blobs, each looked at as a drop of its own, in the order of their names.

    Files are drops as they are; the blobs of a folder are one, once `_SUCCESS` is among them. A listing keeps
    those of a folder together, so that no more than one is held.
    """
    for folder, group in itertools.groupby(blobs, _folder):
        if not folder:
            yield from group
            continue
        found = list(group)
        yield from (blob for blob in found if blob.path.count("/") > DEPTH)  # refused, each with its reason
        mark = next((blob for blob in found if blob.path == folder + SUCCESS), None)
        if mark is not None:
            yield _gathered(folder, mark, [blob for blob in found if blob is not mark])


def whole(folder: str, blobs: Iterable[Drop]) -> Drop | None:
    """Give the drop that a folder's blobs make; None while `_SUCCESS` is not among them."""
    return next((drop for drop in listed(blobs) if drop.path == folder), None)


def problem(drop: Drop) -> Problem | None:
    """Say why a drop sets off no training, whatever its rows are."""
    if not is_folder(drop.path):
        return place(drop.path).problem
    late = [member.name for member in drop.members if member.modified > drop.modified + SKEW]
    if late:
        found = f"was written to after its {SUCCESS}: {some(late)}"
        return refused(drop.path, found, f"{SUCCESS} to be the last", HELP)
    fault = misfit([member.name for member in drop.members])
    return refused(drop.path, *fault, HELP) if fault else None


def misfit(members: Sequence[str]) -> tuple[str, str] | None:
    """Say what is wrong with a folder of these files: what was found, what was expected."""
    unknown = [name for name in members if part_of(name) is None]
    if unknown:
        wanted = f"nothing but {', '.join(PARTS)}, each {' or '.join(ENDINGS)}"
        return f"holds {some(unknown)}", wanted
    for part in PARTS:
        same = [name for name in members if part_of(name) == part]
        if len(same) > 1:
            return f"holds {len(same)} {part} files: {some(same)}", "one"
    if "train" not in {part_of(name) for name in members}:
        return "holds no train file", " or ".join(f"train{ending}" for ending in ENDINGS)
    return None


def _folder(blob: Drop) -> str:
    return folder_of(blob.path) if blob.path.count("/") >= DEPTH else ""


def _gathered(folder: str, mark: Drop, others: Sequence[Drop]) -> Drop:
    """Make one drop of a folder's blobs; what a desktop leaves behind, as `.DS_Store`, is none of them."""
    members = sorted(
        Member(blob.path, blob.etag, blob.size, blob.modified)
        for blob in others
        if not is_litter(blob.path.removeprefix(folder))
    )
    size = sum(member.size for member in members)
    return Drop(folder, mark.etag, mark.modified, size, mark.retrain, tuple(members[:MOST_MEMBERS]))


def is_litter(name: str) -> bool:
    """Tell whether a file of a folder is nobody's data: its name begins with a dot, or there is none."""
    return not name or name.startswith(".")


def some(found: Sequence[str]) -> str:
    """Name the first of some files."""
    rest = len(found) - MOST_NAMED
    more = f" and {'many' if len(found) >= MOST_MEMBERS else rest} more" if rest > 0 else ""
    return ", ".join(sorted(found)[:MOST_NAMED]) + more
