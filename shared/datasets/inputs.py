"""What a file is before it is lines: plain, gzip or Parquet, told by its first bytes, never by its name.

Other packings are named and not unpacked. Sources: RFC 1952 for gzip, and gzip(1) for noughts behind its end,
with which tapes and block devices fill up; the magic numbers of ZIP, Zstandard, bzip2, XZ and 7z.
"""

from __future__ import annotations

import itertools
import tempfile
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
STRANGE = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x28\xb5\x2f\xfd": "Zstandard data",
    b"BZh": "bzip2 data",
    b"\xfd7zX": "XZ data",
    b"7z\xbc\xaf": "a 7z archive",
}
PACKED = STRANGE | {GZIP: "gzip data", PARQUET: "a Parquet file"}
PIECE = 1 << 20
ROWS_AT_ONCE = 500
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Unreadable(Exception):
    """The source cannot be read to its end; code: the check, message: what was found."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(found)
        self.code, self.found = code, found


def lines_of(chunks: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Give the JSON lines a file holds, whatever it is packed in, in pieces of any size.

    most: bytes that may come out. Raises Unreadable (DT111 too much, DT112 damaged).
    """
    start, whole = _begun(chunks)
    if start.startswith(GZIP):
        return _capped(_rows(_gunzip(whole), PACKED, " packed into gzip once more"), most)
    if start.startswith(PARQUET):
        return _capped(_parquet(whole), most)
    return _rows(whole, STRANGE, "")


def _begun(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Give enough bytes to tell what a stream is, and all of it."""
    stream = iter(chunks)
    start = b""
    for chunk in stream:
        start += chunk
        if len(start) >= len(PARQUET):
            break
    return start, itertools.chain([start], stream) if start else iter(())


def _rows(chunks: Iterable[bytes], others: Mapping[bytes, str], inside: str) -> Iterator[bytes]:
    """Pass lines on, but nothing that is packed in another way."""
    start, whole = _begun(chunks)
    for magic, name in others.items():
        if start.startswith(magic):
            raise Unreadable("DT112", f"{name}{inside}, where JSON lines were expected")
    yield from whole


def _capped(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    given = 0
    for piece in pieces:
        given += len(piece)
        if given > most:
            raise Unreadable("DT111", f"more than {most:,} bytes after unpacking")
        yield piece


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack one or more gzip members; no piece is larger than PIECE, however well it was packed."""
    unpacker, behind = zlib.decompressobj(wbits=31), b""
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if unpacker.eof:
                    rest = (behind + rest).lstrip(b"\0")
                    behind = rest if GZIP.startswith(rest) else b""
                    if behind or not rest:
                        break
                    unpacker = _next_member(rest)
                if piece := unpacker.decompress(rest, PIECE):
                    yield piece
                rest = unpacker.unconsumed_tail or unpacker.unused_data
    except zlib.error as fault:
        raise Unreadable("DT112", f"damaged gzip data ({fault})") from fault
    if behind or not unpacker.eof:
        raise Unreadable("DT112", "gzip data that breaks off before its end")


def _next_member(rest: bytes) -> zlib._Decompress:
    if not rest.startswith(GZIP):
        raise Unreadable("DT112", f"gzip data with other bytes behind its end ({rest[:4]!r})")
    return zlib.decompressobj(wbits=31)


def _parquet(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn Parquet into JSON lines, some hundred rows at once; a column without a value is left out.

    Its index stands at the end, so that the file has to lie somewhere: on disk, for as long as it is read.
    """
    from pyarrow import ArrowException

    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        try:
            yield from _parquet_rows(file.name)
        except (ArrowException, ValueError, OSError) as fault:
            raise Unreadable("DT112", f"a Parquet file that cannot be read ({_first_line(fault)})") from fault


def _first_line(fault: Exception) -> str:
    return (str(fault).splitlines() or [""])[0] or type(fault).__name__


def _parquet_rows(path: str) -> Iterator[bytes]:
    """Read rows in batches. The footer comes first: a damaged file is told, and one without rows has none."""
    from datasets import IterableDataset, load_dataset
    from pyarrow.parquet import read_metadata

    footer = read_metadata(path)
    if not footer.num_rows:
        return
    binary = "binary" in str(footer.schema.to_arrow_schema())
    rows: IterableDataset = load_dataset("parquet", data_files=path, streaming=True, split="train")
    for batch in rows.iter(batch_size=ROWS_AT_ONCE):
        names = list(batch)
        values = zip(*(batch[name] for name in names), strict=True)
        yield b"".join(as_line(dict(zip(names, row, strict=True)), binary=binary) for row in values)


def as_line(row: dict[str, Any], *, binary: bool = True) -> bytes:
    """Write a row of Arrow's values, those without a value left out, as JSON that says no more than they do.

    Bytes are text where they hold UTF-8, else an object, which no content may be; a decimal is a number.
    binary: whether there may be bytes.
    """
    given = {name: value for name, value in row.items() if value is not None}
    return _encode(_with_texts(given) if binary else given) + b"\n"


def _with_texts(value: Any) -> Any:  # noqa: ANN401 - any value of Arrow's
    if isinstance(value, dict):
        return {key: _with_texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_texts(one) for one in value]
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"bytes": len(value)}
