"""The files a data set is made of, read one after the other: counted, digested and capped as they pass.

Held-out files are read first. What they ask is then known when the train rows pass, so that a question on two
sides is found without keeping anything of the train rows, whose questions would be many more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import xxhash

from shared.datasets.inputs import Unreadable, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shared.domain.drops import Part

HELD_OUT: tuple[Part, ...] = ("validation", "test")


@dataclass(frozen=True)
class Source:
    """One file. part: where its rows go; those of train are split for the parts that no file gives.

    name: what findings call it; a data set of one file needs none.
    """

    chunks: Iterable[bytes]
    part: Part = "train"
    name: str = ""

    @property
    def held_out(self) -> bool:
        """Tell whether its rows go where they were put."""
        return self.part in HELD_OUT


def in_order(sources: Iterable[Source]) -> Sequence[Source]:
    """Give files in the order in which they are read, however they were named."""
    reading = (*HELD_OUT, "train")
    return sorted(sources, key=lambda source: reading.index(source.part))


class Reader:
    """Reads files. most: bytes of all together, packed and unpacked; progress: told the bytes read so far."""

    def __init__(self, most: int, progress: Callable[[int], None] | None) -> None:
        self._most, self._progress = most, progress
        self._read = self._given = 0
        self.digest = xxhash.xxh3_128()

    def lines(self, source: Source) -> Iterator[bytes]:
        """Give the JSON lines of one file in pieces; raises Unreadable."""
        if source.held_out:
            self.digest.update(source.part.encode())  # the same bytes on another side are another data set
        for piece in lines_of(self._bytes(source.chunks), self._most):
            self._given += len(piece)
            if self._given > self._most:
                raise Unreadable("DT111", f"more than {self._most:,} bytes after unpacking")
            yield piece

    def _bytes(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._read += len(chunk)
            if self._read > self._most:
                raise Unreadable("DT102", f"more than {self._most:,} bytes")
            self.digest.update(chunk)
            if self._progress:
                self._progress(self._read)
            yield chunk
