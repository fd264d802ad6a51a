"""What a file is before it is lines: plain, gzip or Parquet, told by its first bytes, never by its name."""

from __future__ import annotations

import itertools
import tempfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
PIECE = 1 << 20
ROWS_AT_ONCE = 500


class Unreadable(Exception):
    """The source cannot be read to its end; code: the check, message: what was found."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(found)
        self.code, self.found = code, found


def lines_of(chunks: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Give the JSON lines a file holds, whatever it is packed in, in pieces of any size.

    most: bytes that may come out. Raises Unreadable (DT111 too much, DT112 damaged).
    """
    stream = iter(chunks)
    start = b""
    for chunk in stream:
        start += chunk
        if len(start) >= len(PARQUET):
            break
    whole = itertools.chain([start], stream) if start else iter(())
    if start.startswith(GZIP):
        return _capped(_gunzip(whole), most)
    if start.startswith(PARQUET):
        return _capped(_parquet(whole), most)
    return whole


def _capped(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    given = 0
    for piece in pieces:
        given += len(piece)
        if given > most:
            raise Unreadable("DT111", f"more than {most:,} bytes after unpacking")
        yield piece


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack one or more gzip members; no piece is larger than PIECE, however well it was packed."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(wbits=31)
                if piece := unpacker.decompress(rest, PIECE):
                    yield piece
                rest = unpacker.unconsumed_tail or unpacker.unused_data
    except zlib.error as fault:
        raise Unreadable("DT112", f"damaged gzip data ({fault})") from fault
    if not unpacker.eof:
        raise Unreadable("DT112", "gzip data that breaks off before its end")


def _parquet(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn Parquet into JSON lines, some hundred rows at once; a column without a value is left out.

    Its index stands at the end, so that the file has to lie somewhere: on disk, for as long as it is read.
    """
    import msgspec
    from datasets import IterableDataset, load_dataset
    from pyarrow import ArrowException

    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        try:
            rows: IterableDataset = load_dataset(
                "parquet", data_files=file.name, streaming=True, split="train"
            )
            for batch in rows.iter(batch_size=ROWS_AT_ONCE):
                names = list(batch)
                values = zip(*(batch[name] for name in names), strict=True)
                yield b"".join(
                    msgspec.json.encode({n: v for n, v in zip(names, row, strict=True) if v is not None})
                    + b"\n"
                    for row in values
                )
        except (ArrowException, ValueError, OSError) as fault:
            raise Unreadable(
                "DT112", f"a Parquet file that cannot be read ({type(fault).__name__})"
            ) from fault
