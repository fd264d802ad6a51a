"""Upload a folder so that half of it is never taken for the whole."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from shared.domain import folders
from shared.domain.drops import SUCCESS
from shared.domain.errors import Changed, Permanent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from shared.domain.drops import Drop
    from shared.ports import Drops

    Opened = Callable[[], AbstractContextManager[BinaryIO]]


def upload_folder(drops: Drops, folder: str, files: Mapping[str, Opened], *, retrain: bool) -> Drop:
    """Write a folder's files, and `_SUCCESS` last of all. folder: `<recipe>/<drop>/`.

    Raises Permanent where other files lie there, Changed where somebody wrote there meanwhile.
    """
    others = [name for name in drops.names(folder) if name not in {*files, SUCCESS}]
    others = [name for name in others if not folders.is_litter(name)]
    if others:
        raise Permanent(
            "folder-taken",
            f"The folder {folder!r} holds {folders.some(others)} already, which is no file of yours.",
            "Give your folder another name and drop it again: droptune drop DIR --recipe RECIPE",
        )
    written = {}
    for name, opened in files.items():
        with opened() as source:
            made = drops.upload(folder + name, source, retrain=False)
        written[made.path] = made.etag
    drops.upload(folder + SUCCESS, io.BytesIO(), retrain=retrain)
    dropped = drops.find(folder)
    if {member.path: member.etag for member in dropped.members} != written:
        raise Changed("folder-changed", f"Somebody else wrote to {folder!r} while it was uploaded.")
    return dropped
