"""The figures of right rows, and the proofs that each line holds one and no key stands twice in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import xxhash

from shared.datasets.rows import folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.datasets.rows import Row
    from shared.datasets.turns import Shapes

QUOTE = ord('"')
LF, CR, OPEN, CLOSE = map(ord, "\n\r{}")
SEPARATOR = b"\x1f"
FEW = 256  # lines


@dataclass
class Columns:
    """Figures of rows, an entry each. texts: all messages; keys: quotes that keys and texts are put in.

    doubtful: the places of rows to be looked at; room: bytes with which a row surely fits (turns.py).
    """

    prompt: list[int] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    question: list[int] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    room: list[int] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    keys: int = 0

    def keep(self, kept: Sequence[int]) -> None:
        """Leave out the figures of all rows but those at these places."""
        for values in (self.prompt, self.whole, self.question, self.characters, self.turns):
            values[:] = [values[place] for place in kept]


def columns(rows: Sequence[Row], shapes: Shapes) -> Columns:
    """Take every row's figures; the engine's hottest loop."""
    made, digest, keys = Columns(), xxhash.xxh3_64_intdigest, 0
    for place, row in enumerate(rows):
        messages = row.messages
        parts = [message.content for message in messages]
        shape = shapes[tuple([message.role for message in messages])]
        if shape.faults or any(map(str.isspace, parts)):
            made.doubtful.append(place)
        encoded = [part.encode() for part in parts]
        prompt = digest(SEPARATOR.join(encoded[:-1]), shape.seed)
        made.prompt.append(prompt)
        made.whole.append(digest(encoded[-1], prompt))
        made.question.append(digest(folded(parts[shape.question])))
        made.characters.append(sum(map(len, parts)))
        made.turns.append(len(parts))
        made.room.append(shape.room)
        made.texts += encoded
        keys += 2 + 8 * len(parts)
        if (text := row.prompt) is not None:
            keys += 4 + text.count('"')
        if (text := row.prompt_id) is not None:
            keys += 4 + text.count('"')
    made.keys = keys
    return made


def tally(data: bytes, columns: Columns) -> bool:
    """Tell whether the rows' keys and texts account for every quote: then no key stands twice.

    Only right where no quote is written as the escape of its number.
    """
    spoken = np.frombuffer(b"".join(columns.texts), np.uint8)
    written = np.frombuffer(data, np.uint8)
    quotes = np.count_nonzero(written == QUOTE) - np.count_nonzero(spoken == QUOTE)
    return bool(quotes == columns.keys)


def longest(ends: NDArray[np.intp], size: int) -> int:
    """Give a length that no line of a piece exceeds. ends: of its lines; size: the piece's."""
    if len(ends) < 2:  # noqa: PLR2004 - one line is the piece
        return size
    return max(int(ends[0]), int((ends[1:] - ends[:-1]).max()), size - int(ends[-1]))


def one_value_a_line(data: bytes, octets: NDArray[np.uint8], ends: NDArray[np.intp]) -> bool:
    """Tell whether every line ends with } and the next begins with {: then each holds whole objects.

    The decoder asks for no line end between objects; with as many of them as lines, each line holds one.
    """
    if len(ends) <= FEW:
        return _few_values(data, ends.tolist())
    last = octets[ends - 1]
    last = np.where(last == CR, octets[np.maximum(ends - 2, 0)], last)
    starts = ends[:-1] + 1 if len(ends) and ends[-1] == len(octets) - 1 else ends + 1
    return bool(len(ends) and (last == CLOSE).all() and (octets[starts] == OPEN).all() and octets[0] == OPEN)


def _few_values(data: bytes, ends: list[int]) -> bool:
    """Tell the same of a few lines, for which numpy takes longer."""
    begin = 0
    for end in ends:
        last = data[end - 2 if data[end - 1] == CR else end - 1]
        if data[begin] != OPEN or last != CLOSE or end == begin:
            return False
        begin = end + 1
    return bool(ends) and (begin == len(data) or data[begin] == OPEN)
