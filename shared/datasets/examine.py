"""Lines examined by themselves: no file, no clock, no line before them, so that cores can share a file.

The typed decode takes a piece of right rows whole. A tally proves that no key stands twice in any of its
objects, which the decode would not see: the quotes of a piece are those its keys and texts need, and no more.
Only lines in which the scanner or the decode finds something are looked at one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from shared.datasets.blocks import cut
from shared.datasets.columns import columns, tally
from shared.datasets.content import look
from shared.datasets.examined import Examined, Refused, Sampled
from shared.datasets.findings import shown
from shared.datasets.formats import MESSAGES
from shared.datasets.inputs import Unreadable
from shared.datasets.reading import read
from shared.datasets.rows import Row, complete
from shared.datasets.scan import ANY, Scanner
from shared.datasets.turns import Shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from shared.datasets.blocks import Block
    from shared.datasets.columns import Columns
    from shared.datasets.rows import Fault

PIECE = 96 << 10  # what a core's cache holds together with all that is made of it
LF, CR, OPEN, CLOSE = map(ord, "\n\r{}")
BATCH = 2000  # rows put together at once: merging has a price of its own
ESCAPED_QUOTE = b"\\u0022"
MOST_REFUSED_TEXT = 500
TOO_LONG = ("DT204", "more than 8 MiB")
_encode = msgspec.json.Encoder().encode


@dataclass
class _Piece:
    """Decoded lines. line: each row's number, from the piece's start; known: rows whose faults are noted."""

    rows: list[Row]
    line: Sequence[int]
    lines: list[bytes] | None = None
    known: frozenset[int] = frozenset()


class Examiner:
    """Examines blocks. refusing: the codes that refuse a row; writing: whether rows are wanted as bytes.

    below: rows whose question's hash is less are given whole, as candidates for the sample.
    """

    def __init__(self, refusing: frozenset[str], *, writing: bool) -> None:
        self.below = 1 << 64
        self._refusing, self._writing = refusing, writing
        self._scanner, self._shapes = Scanner(), Shapes()
        self._decoder = msgspec.json.Decoder(Row)

    def batches(self, source: Iterable[Block], below: Callable[[], int]) -> Iterator[Examined]:
        """Examine blocks and give what they hold, some thousand rows at once; `below` is asked for each."""
        found = Examined()
        try:
            for block in source:
                self.examine(block, found)
                if found.lines >= BATCH:
                    yield found
                    found, self.below = Examined(), below()
        except Unreadable:
            yield found  # what came before counts all the same
            raise
        yield found

    def examine(self, block: Block, found: Examined) -> None:
        """Examine one block and add what it holds to what was found before it."""
        if block.too_long:
            self._note(found, found.lines, b"", [TOO_LONG], lost=True)
            found.lines += 1
            found.rows += 1
            return
        found.crlf |= b"\r" in block.data and b"\r\n" in block.data
        for data in cut(block.data, PIECE):
            self._piece(data, found)

    def _piece(self, data: bytes, found: Examined) -> None:
        octets = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(octets == LF)
        count = len(ends) + (not data.endswith(b"\n"))
        odd = self._odd(data, ends)
        rows = self._decoded(data) if _one_value_a_line(octets, ends) else []
        figures = columns(rows, self._shapes)
        if len(rows) != count or not tally(data, figures) or (odd and ESCAPED_QUOTE in data):
            piece = self._one_by_one(data, found)
            figures = columns(piece.rows, self._shapes)
        else:
            piece = _Piece(rows, range(count), data.split(b"\n") if self._writing else None)
            found.kinds.setdefault(MESSAGES, found.lines)
        self._enter(found, piece, figures, self._faulty(found, data, piece, figures, odd))
        found.lines += count
        found.rows += count

    def _decoded(self, data: bytes) -> list[Row]:
        """Decode many rows; none where any is wrong."""
        try:
            return self._decoder.decode_lines(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return []

    def _odd(self, data: bytes, ends: NDArray[np.intp]) -> dict[int, set[str]]:
        """Find the lines whose content deserves a closer look, and for what."""
        hits = self._scanner.hits(data)
        if not hits:
            return {}
        odd: dict[int, set[str]] = {}
        lines = np.searchsorted(ends, np.asarray([end for end, _code in hits]) - 1)
        for line, (_end, code) in zip(lines.tolist(), hits, strict=True):
            odd.setdefault(line, set()).add(code)
        return odd

    def _one_by_one(self, data: bytes, found: Examined) -> _Piece:
        """Read line by line; what cannot be a row is noted and left out."""
        rows, numbers, lines, known = [], [], data.split(b"\n"), set()
        for number, line in enumerate(lines[:-1] if data.endswith(b"\n") else lines):
            row = self._plain(line)
            if row is None:
                row = self._careful(found, number, line.removesuffix(b"\r"))
                known.add(number)
            else:
                found.kinds.setdefault(MESSAGES, found.lines + number)
            if row is not None:
                rows.append(row)
                numbers.append(number)
        return _Piece(rows, numbers, lines, frozenset(known))

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
            found.faults.append((found.lines + number, "DT202", "a blank line"))
            return None
        row, kind, faults = read(line, self._shapes)
        if kind:
            found.kinds.setdefault(kind, found.lines + number)
        refused = self._note(found, found.lines + number, line, faults, lost=row is None)
        return None if refused else row

    def _faulty(
        self, found: Examined, data: bytes, piece: _Piece, figures: Columns, odd: Mapping[int, set[str]]
    ) -> frozenset[int]:
        """Note what is wrong with right rows' turns and content; give the places of those refused."""
        places = {place for place, line in enumerate(piece.line) if line in odd} if odd else set()
        refused = set()
        for place in sorted(places.union(figures.doubtful)):
            number, row = piece.line[place], piece.rows[place]
            if number in piece.known:
                continue
            faults = [*_blank(row), *self._shapes[tuple(m.role for m in row.messages)].faults]
            if place in places:
                codes = odd[number]
                faults += look(row.messages, None if ANY in codes else frozenset(codes))
            if not faults:
                continue
            piece.lines = piece.lines or data.split(b"\n")
            if self._note(found, found.lines + number, piece.lines[number], faults):
                refused.add(place)
        return frozenset(refused)

    def _note(
        self, found: Examined, number: int, line: bytes, faults: Sequence[Fault], *, lost: bool = False
    ) -> bool:
        """Note a line's faults; tell whether they refuse it. lost: no severity can bring this row back."""
        found.faults += [(number, code, shown(what)) for code, what in faults]
        refusing = next(
            (fault for fault in faults if fault[0] in self._refusing), faults[0] if lost else None
        )
        if refusing is not None:
            text = shown(line.decode("utf-8", "backslashreplace"), MOST_REFUSED_TEXT)
            found.refused.append(Refused(number, refusing[0], shown(refusing[1]), text))
        return refusing is not None

    def _enter(self, found: Examined, piece: _Piece, figures: Columns, refused: frozenset[int]) -> None:
        """Add the rows that are not refused."""
        kept: Sequence[int] = range(len(piece.rows))
        if refused:
            kept = [place for place in kept if place not in refused]
            for values in (
                figures.prompt,
                figures.whole,
                figures.question,
                figures.characters,
                figures.turns,
            ):
                values[:] = [values[place] for place in kept]
        base, line = found.lines, piece.line
        found.line.extend([base + line[place] for place in kept])
        found.prompt.extend(figures.prompt)
        found.whole.extend(figures.whole)
        found.question.extend(figures.question)
        found.characters.extend(figures.characters)
        found.turns.extend(figures.turns)
        for entry, place in enumerate(kept):
            if (question := figures.question[entry]) < self.below:
                sampled = Sampled(
                    question, figures.whole[entry], base + line[place], piece.rows[place].messages
                )
                found.sampled.append(sampled)
        if self._writing and piece.lines is not None:
            found.data += [
                _written(piece.rows[p], piece.lines[line[p]], line[p] in piece.known) for p in kept
            ]


def _one_value_a_line(octets: NDArray[np.uint8], ends: NDArray[np.intp]) -> bool:
    """Tell whether every line ends with } and the next begins with {: then each holds whole objects.

    The decoder asks for no line end between objects; with as many of them as lines, each line holds one.
    """
    last = octets[ends - 1]
    last = np.where(last == CR, octets[np.maximum(ends - 2, 0)], last)
    starts = ends[:-1] + 1 if len(ends) and ends[-1] == len(octets) - 1 else ends + 1
    return bool(len(ends) and (last == CLOSE).all() and (octets[starts] == OPEN).all() and octets[0] == OPEN)


def _blank(row: Row) -> Iterator[Fault]:
    for place, message in enumerate(row.messages, 1):
        if message.content.isspace():
            yield "DT405", f"message {place} ({message.role}) is empty"


def _written(row: Row, line: bytes, changed: bool) -> bytes:  # noqa: FBT001 - a fact, no switch
    """Give a row as it is written: as it stands where it has every column, else filled up."""
    if not changed and row.prompt is not None and row.prompt_id:
        return line.strip()
    return _encode(complete(row))
