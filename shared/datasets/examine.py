"""Lines examined by themselves: no file, no clock, no line before them, so that cores can share a file.

The typed decode takes a piece of right rows whole. A tally proves that no key stands twice in any of its
objects, which the decode would not see: the quotes of a piece are those its keys and texts need, and no more.
Only lines in which the scanner or the decode finds something, or that may not fit within the base model's
limit, are looked at one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from shared.datasets.blocks import cut
from shared.datasets.columns import columns, line_ends, one_value_a_line, tally
from shared.datasets.content import look
from shared.datasets.examined import Examined, Sampled
from shared.datasets.formats import MESSAGES
from shared.datasets.inputs import Unreadable
from shared.datasets.measuring import measured
from shared.datasets.meter import Meter
from shared.datasets.notes import note
from shared.datasets.rowfacts import RowFacts, learns
from shared.datasets.rows import Row, complete
from shared.datasets.scan import ANY, Scanner
from shared.datasets.singly import ESCAPED_QUOTE, Piece, Singly
from shared.datasets.turns import Shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from shared.datasets.blocks import Block
    from shared.datasets.columns import Columns
    from shared.datasets.examined import Examining
    from shared.datasets.rows import Fault

PIECE = 96 << 10  # what a core's cache holds together with all that is made of it
BATCH = 2000  # rows put together at once: merging has a price of its own
TOO_LONG = ("DT204", "more than 8 MiB")
UNKNOWN = RowFacts("not an object")
_encode = msgspec.json.Encoder().encode


class Examiner:
    """Examines blocks.

    below: rows whose question's hash is less are given whole, as candidates for the sample.
    """

    def __init__(self, how: Examining) -> None:
        self.below = 1 << 64
        self._refusing, self._writing = how.refusing, how.writing
        self._meter = None
        if how.tokenizer is not None and how.bounds is not None:
            self._meter = Meter(how.bounds, how.tokenizer.counter)
        self._scanner, self._shapes = Scanner(), Shapes(self._meter)
        self._singly = Singly(self._shapes, how.refusing, self._meter)
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
            note(found, found.lines, b"", [TOO_LONG], self._refusing, lost=True)
            found.facts.append((found.lines, UNKNOWN))
            found.lines += 1
            found.rows += 1
            return
        found.crlf |= b"\r" in block.data and b"\r\n" in block.data
        for data in cut(block.data, PIECE):
            self._piece(data, found)

    def _piece(self, data: bytes, found: Examined) -> None:
        ends = line_ends(data)
        count = len(ends) + (not data.endswith(b"\n"))
        odd = self._odd(data, ends)
        faults, refused = len(found.faults), len(found.refused)
        rows = self._decoded(data) if one_value_a_line(data, ends) else []
        figures = columns(rows, self._shapes)
        if len(rows) != count or not tally(data, figures) or (odd and ESCAPED_QUOTE in data):
            piece = self._singly.piece(data, found)
            figures = columns(piece.rows, self._shapes)
        else:
            piece = Piece(rows, range(count), data.split(b"\n") if self._writing else None)
            found.kinds.setdefault(MESSAGES, found.lines)
        wrong = self._faulty(found, data, piece, figures, odd)
        doubtful = self._doubtful(data, piece, figures, odd)
        self._enter(found, piece, figures, wrong | self._measured(found, data, piece, doubtful, wrong))
        # Two looks found them; in the order of lines they are the same wherever the file is cut.
        found.faults[faults:] = sorted(found.faults[faults:], key=lambda fault: fault[0])
        found.refused[refused:] = sorted(found.refused[refused:], key=lambda row: row.line)
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

    def _faulty(
        self, found: Examined, data: bytes, piece: Piece, figures: Columns, odd: Mapping[int, set[str]]
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
            if faults and note(found, found.lines + number, piece.text(data, number), faults, self._refusing):
                refused.add(place)
        return frozenset(refused)

    def _doubtful(
        self, data: bytes, piece: Piece, figures: Columns, odd: Mapping[int, set[str]]
    ) -> list[int]:
        """Find the rows that may not fit, or whose texts may hold what begins a turn."""
        sizes = zip(figures.sizes, figures.room, strict=True)
        doubtful = {place for place, (size, room) in enumerate(sizes) if size > room}
        if self._meter is None:
            return sorted(doubtful)
        doubtful = {place for place in doubtful if not self._fits(piece.rows[place], figures.room[place])}
        by_number = {line for line, codes in odd.items() if ANY in codes}
        for place, line in enumerate(piece.line) if by_number or self._meter.marked(data) else ():
            if line in by_number or self._meter.marked(piece.text(data, line)):
                doubtful.add(place)
        return sorted(doubtful)

    def _fits(self, row: Row, room: int) -> bool:
        """Tell whether a row with more bytes than its room fits all the same."""
        return self._meter is not None and self._meter.surely([m.content for m in row.messages], room)

    def _measured(
        self, found: Examined, data: bytes, piece: Piece, doubtful: Sequence[int], refused: frozenset[int]
    ) -> frozenset[int]:
        """Count those in doubt, and note what is wrong with them; give the places of those now refused."""
        more = set()
        for place in doubtful:
            number, messages = found.lines + piece.line[place], piece.rows[place].messages
            right = learns([message.role for message in messages])
            facts, faults = measured(messages, self._meter, learns=right)
            if piece.line[place] not in piece.known:
                found.facts.append((number, facts))
            if place in refused:
                continue
            text = piece.text(data, piece.line[place])
            if faults and note(found, number, text, faults, self._refusing):
                more.add(place)
            elif facts.tokens is not None:
                found.counted[number] = facts.tokens
        return frozenset(more)

    def _enter(self, found: Examined, piece: Piece, figures: Columns, refused: frozenset[int]) -> None:
        """Add the rows that are not refused."""
        kept: Sequence[int] = range(len(piece.rows))
        if refused:
            kept = [place for place in kept if place not in refused]
            figures.keep(kept)
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


def _blank(row: Row) -> Iterator[Fault]:
    for place, message in enumerate(row.messages, 1):
        if message.content.isspace():
            yield "DT405", f"message {place} ({message.role}) is empty"


def _written(row: Row, line: bytes, changed: bool) -> bytes:  # noqa: FBT001 - a fact, no switch
    """Give a row as it is written: as it stands where it has every column, else filled up."""
    if not changed and row.prompt is not None and row.prompt_id:
        return line.strip()
    return _encode(complete(row))
