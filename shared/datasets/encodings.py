"""Bytes as text, or in words what stands where UTF-8 was wanted (RFC 3629), and what it may have been."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.datasets.rows import Fault

HEAD, LEAST_HEAD = 64, 4  # bytes that tell UTF-16 and UTF-32 from bytes gone wrong
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
LAST_FEEDS = {b"\0": "UTF-16", b"\0\0\0": "UTF-32"}  # what is left of the last one behind its LF
UTF16_SHARE, UTF32_SHARE = 0.4, 0.7  # of NUL bytes: rows are mostly ASCII
MOST_WORD = 20
LEAST_LEAD = 0xC2
SEQUENCES = (  # from, to, what such a beginning is; RFC 3629, section 4
    (b"\x80", b"\xbf\xff", "the middle of a character"),
    (b"\xc0", b"\xc1\xff", "an overlong form"),
    (b"\xe0\x80", b"\xe0\x9f", "an overlong form"),
    (b"\xed\xa0", b"\xed\xbf", "half of a surrogate pair"),
    (b"\xf0\x80", b"\xf0\x8f", "an overlong form"),
    (b"\xf4\x90", b"\xf4\xbf", "a character beyond Unicode"),
    (b"\xf5", b"\xf7\xff", "a character beyond Unicode"),
    (b"\xf8", b"\xff\xff", "a byte UTF-8 never uses"),
)
_LETTERS = re.compile(r"[^\W\d_]+(?:\u2019[^\W\d_]+)?")


def decoded(line: bytes) -> tuple[str, list[Fault]]:
    """Decode a line; with a fault (DT203) the text is empty. Places are bytes, counted from 1."""
    if wide := _wide(line):
        return "", [("DT203", f"{wide}, not UTF-8")]
    try:
        return line.decode(), []
    except UnicodeDecodeError as fault:
        start = fault.start
    found = f"{_named(line, start)} at byte {start + 1}"
    return "", [("DT203", found + _other_reading(line, start))]


def _wide(line: bytes) -> str:
    """Name UTF-16 and UTF-32, whose second line on is valid UTF-8 full of NUL bytes."""
    if line.startswith(UTF16_MARKS):
        return "UTF-32" if line[2:4] == b"\0\0" else "UTF-16"
    head = line[:HEAD]
    if line in LAST_FEEDS:
        return LAST_FEEDS[line]
    if b"\0" not in head or len(head) < LEAST_HEAD or not line.strip(b"\0"):
        return ""
    share = head.count(0) / len(head)
    if share >= UTF32_SHARE:
        return "UTF-32"
    sides = sorted((head[::2].count(0), head[1::2].count(0)))
    return "UTF-16" if share >= UTF16_SHARE and sides[0] * 4 <= sides[1] else ""


def _named(line: bytes, start: int) -> str:
    """Say what is wrong with the sequence that starts here."""
    if start + 1 == len(line) and line[start] >= LEAST_LEAD:
        return f"a character that breaks off ({_hex(line[start:])})"
    two = line[start : start + 2]
    for first, last, kind in SEQUENCES:
        if first <= two <= last:
            return f"{kind} ({_hex(two[: len(first)])})"
    return f"a character that breaks off ({_hex(two[:1])})"


def _hex(part: bytes) -> str:
    return " ".join(f"0x{one:02x}" for one in part)


def _other_reading(line: bytes, start: int) -> str:
    """Give the word around a byte as Windows-1252 reads it, the encoding that most such files are in."""
    begin = max(0, start - MOST_WORD)
    around = line[begin : start + MOST_WORD].decode("cp1252", "replace")
    for word in _LETTERS.finditer(around):
        if word.start() <= start - begin < word.end() and len(word[0]) > 1:
            return f"; in Latin-1 (Windows-1252) it reads {word[0]!r}"
    return ""
