"""Files that another process is writing: their new lines, their last lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]

_ENOUGH = 64 * 1024


class Tail:
    """A JSON-lines file that grows; half a line at its end waits for its other half."""

    def __init__(self, path: Path) -> None:
        """Start at the beginning; the file need not be there yet."""
        self._path = path
        self._at = 0

    def new(self) -> list[Json]:
        """Return the objects written since the last time."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._at += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines() if line.strip()]


def last_lines(path: Path, count: int | None) -> str:
    """Return the last `count` lines of the file, all of them for None; nothing where it is missing."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        if count is not None:
            file.seek(max(0, path.stat().st_size - _ENOUGH))
        lines = file.read().decode("utf-8", "replace").splitlines(keepends=True)
    return "".join(lines if count is None else lines[-count:])
