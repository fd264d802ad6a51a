"""A piece read line by line: where its rows cannot be decoded at once, each line is told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from shared.datasets.columns import columns, tally
from shared.datasets.formats import MESSAGES
from shared.datasets.measuring import facts_as_dropped
from shared.datasets.notes import note
from shared.datasets.reading import read
from shared.datasets.rows import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.datasets.examined import Examined
    from shared.datasets.meter import Meter
    from shared.datasets.turns import Shapes

ESCAPED_QUOTE = b"\\u0022"


@dataclass
class Piece:
    """Decoded lines. line: each row's number, from the piece's start; known: rows whose faults are noted."""

    rows: list[Row]
    line: Sequence[int]
    lines: list[bytes] | None = None
    known: frozenset[int] = frozenset()

    def text(self, data: bytes, number: int) -> bytes:
        """Give a line by its number; the piece is taken apart when the first one is asked for."""
        self.lines = self.lines or data.split(b"\n")
        return self.lines[number]


class Singly:
    """Reads lines one by one; what cannot be a row is noted and left out."""

    def __init__(self, shapes: Shapes, refusing: frozenset[str], meter: Meter | None) -> None:
        self._shapes, self._refusing, self._meter = shapes, refusing, meter
        self._decoder = msgspec.json.Decoder(Row)

    def piece(self, data: bytes, found: Examined) -> Piece:
        """Read a piece."""
        rows, numbers, lines, known = [], [], data.split(b"\n"), set()
        for number, line in enumerate(lines[:-1] if data.endswith(b"\n") else lines):
            row = self._plain(line)
            if row is None:
                row = self._careful(found, found.lines + number, line.removesuffix(b"\r"))
                known.add(number)
            else:
                found.kinds.setdefault(MESSAGES, found.lines + number)
            if row is not None:
                rows.append(row)
                numbers.append(number)
        return Piece(rows, numbers, lines, frozenset(known))

    def _plain(self, line: bytes) -> Row | None:
        """Decode a line that needs no careful look."""
        try:
            row = self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        right = ESCAPED_QUOTE not in line and tally(line, columns([row], self._shapes))
        return row if right else None

    def _careful(self, found: Examined, number: int, line: bytes) -> Row | None:
        if not line.strip():
            found.rows -= 1
            found.faults.append((number, "DT202", "a blank line"))
            found.facts.append((number, None))
            return None
        held = read(line, self._shapes)
        if held.kind:
            found.kinds.setdefault(held.kind, number)
        found.facts.append((number, facts_as_dropped(held.value, self._meter)))
        refused = note(found, number, line, held.faults, self._refusing, lost=held.row is None)
        return None if refused else held.row
