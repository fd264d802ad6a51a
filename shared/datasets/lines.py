"""Lines out of a stream of bytes, in constant memory, whatever the stream's pieces are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 8 << 20
BOM = b"\xef\xbb\xbf"


@dataclass
class Seen:
    """What was noticed about the file as a whole."""

    bom: bool = False
    crlf: bool = False
    open_end: bool = False


def lines(chunks: Iterable[bytes], seen: Seen) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number, without its end; None stands for one of more than 8 MiB."""
    rest, number, skipping, first = b"", 0, False, True
    for chunk in chunks:
        data = rest + chunk
        if first and len(data) < len(BOM) and BOM.startswith(data):
            rest = data
            continue
        if first:
            first = False
            seen.bom = data.startswith(BOM)
            data = data.removeprefix(BOM)
        *whole, rest = data.split(b"\n")
        for line in whole:
            number += 1
            if skipping or len(line) > LONGEST:
                skipping = False
                yield number, None
            else:
                yield number, _without_cr(line, seen)
        if len(rest) > LONGEST:
            rest, skipping = b"", True
    if rest or skipping:
        seen.open_end = True
        yield number + 1, None if skipping else _without_cr(rest, seen)


def _without_cr(line: bytes, seen: Seen) -> bytes:
    if line.endswith(b"\r"):
        seen.crlf = True
        return line[:-1]
    return line
