"""Blocks of whole lines out of a stream of bytes, in constant memory, whatever the stream's pieces are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 8 << 20
SIZE = 4 << 20
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Whole lines, each with its LF, but perhaps the last; too_long: one line above LONGEST, let go."""

    data: bytes
    too_long: bool = False


@dataclass
class Seen:
    """What was noticed about the file as a whole."""

    bom: bool = False
    open_end: bool = False


def blocks(chunks: Iterable[bytes], seen: Seen) -> Iterator[Block]:
    """Cut a stream at line ends into blocks of about SIZE bytes."""
    waiting: list[bytes] = []
    size, skipping = 0, False
    for chunk in _without_bom(chunks, seen):
        end = chunk.rfind(b"\n") + 1
        if not end:
            size += len(chunk)
            if size > LONGEST:
                waiting, skipping = [], True
            elif not skipping:
                waiting.append(chunk)
            continue
        yield from _closed(waiting, chunk, end, skipping=skipping)
        skipping, size = False, len(chunk) - end
        waiting = [chunk[end:]] if size else []
    if size:
        seen.open_end = True
        yield Block(b"" if skipping else b"".join(waiting), too_long=skipping)


def _closed(waiting: list[bytes], chunk: bytes, end: int, *, skipping: bool) -> Iterator[Block]:
    """Give what ends within this chunk: the line that came before it, then the rest."""
    first = chunk.find(b"\n") + 1
    if skipping or sum(map(len, waiting)) + first > LONGEST + 1:
        yield Block(b"", too_long=True)
        rest = chunk[first:end]
    else:
        rest = b"".join([*waiting, chunk[:end]])
    for part in cut(rest, SIZE):
        yield Block(part) if len(part) <= LONGEST + 1 else Block(b"", too_long=True)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """Cut whole lines into pieces of at most twice `size`; a longer line is a piece of its own."""
    if len(data) <= 2 * size:
        yield data
        return
    place = 0
    while place < len(data):
        end = place + size if len(data) - place > 2 * size else len(data)
        end = data.rfind(b"\n", place, end) + 1 or data.find(b"\n", end) + 1 or len(data)
        yield data[place:end]
        place = end


def _without_bom(chunks: Iterable[bytes], seen: Seen) -> Iterator[bytes]:
    """Take a byte-order mark off the start, though it may come in pieces."""
    stream = iter(chunks)
    start = b""
    for chunk in stream:
        start += chunk
        if len(start) >= len(BOM) or not BOM.startswith(start):
            break
    seen.bom = start.startswith(BOM)
    if start := start.removeprefix(BOM):
        yield start
    yield from stream
