"""A data set on this machine: a file, or a folder of parts."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shared import datasets
from shared.domain import folders
from shared.domain.drops import SUCCESS, part_of
from shared.domain.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shared.app.uploading import Opened

CHUNK = 96 << 10  # stays in a core's cache


def file_of(given: str, command: str) -> Path:
    """Give an existing file; raises Permanent. command: what is to be said again with another."""
    path = Path(given)
    if not path.is_file():
        what = f"{path} is a folder." if path.is_dir() else f"There is no file {path}."
        raise Permanent("file-missing", what, f"Name a file: droptune {command} FILE")
    return path


def files_of(path: Path) -> dict[str, Path]:
    """Give the files of a data set, of a folder those that are its parts; raises Permanent."""
    if not path.is_dir():
        return {path.name: file_of(str(path), "check")}
    found = {one.name + "/" * one.is_dir(): one for one in sorted(path.iterdir())}
    found = {name: one for name, one in found.items() if name != SUCCESS and not folders.is_litter(name)}
    fault = folders.misfit(list(found))
    if fault is not None:
        raise Permanent(
            "folder-unfit",
            f"The folder {path} {fault[0]}; expected {fault[1]}.",
            f"Mend it and check it: droptune check {path}",
        )
    return found


def sources(path: Path, files: Mapping[str, Path]) -> list[datasets.Source]:
    """Say what is to be read of it."""
    if path.is_file():
        return [datasets.Source(chunks_of(path))]
    parts = ((name, one, part_of(name)) for name, one in files.items())
    return [datasets.Source(chunks_of(one), part, name) for name, one, part in parts if part]


def chunks_of(path: Path) -> Iterator[bytes]:
    """Read a file in pieces."""
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def size_of(files: Mapping[str, Path]) -> int:
    """Count the bytes of all."""
    return sum(path.stat().st_size for path in files.values())


def opened(files: Mapping[str, Path], progress: Callable[[int], None]) -> dict[str, Opened]:
    """Give what opens each file for an upload that tells how many bytes of all have been read."""
    told = _Told(progress)
    return {name: partial(_Counted, path, told) for name, path in files.items()}


class _Told:
    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress, self._done = progress, 0

    def add(self, read: int) -> None:
        self._done += read
        self._progress(self._done)


class _Counted(io.BufferedReader):
    """A file that tells what is read of it."""

    def __init__(self, path: Path, told: _Told) -> None:
        super().__init__(io.FileIO(path))
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._told.add(len(data))
        return data
