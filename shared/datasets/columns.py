"""The figures of right rows, and the proofs that each line holds one and no key stands twice in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import TYPE_CHECKING

import numpy as np
import xxhash

from shared.datasets.rows import folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shared.datasets.rows import Message, Row
    from shared.datasets.turns import Shapes

QUOTE = ord('"')
LF, CR, OPEN, CLOSE = map(ord, "\n\r{}")
HASH = 8  # bytes
QUOTES_OF_A_ROW, QUOTES_OF_A_MESSAGE = 2, 8  # "messages"; "role", "content" and their two texts
FEW, LONG = 256, 1000  # lines; bytes of one
_digest, _number = xxhash.xxh3_64_digest, xxhash.xxh3_64_intdigest


@dataclass
class Columns:
    """Figures of rows, an entry each. texts: all messages; keys: quotes that keys and texts are put in.

    doubtful: the places of rows to be looked at; sizes: the bytes of a row's texts; room: those with which it
    surely fits (turns.py).
    """

    prompt: list[int] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    question: list[int] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    room: list[int] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    keys: int = 0

    def keep(self, kept: Sequence[int]) -> None:
        """Leave out the figures of all rows but those at these places."""
        for values in (self.prompt, self.whole, self.question, self.characters, self.turns):
            values[:] = [values[place] for place in kept]


def columns(rows: Sequence[Row], shapes: Shapes) -> Columns:
    """Take every row's figures; the engine's hottest loop.

    A chat's hash is that of its messages' hashes, 8 bytes each, with its order of roles for a seed: so a
    message is hashed where it lies, and no chat is put together.
    """
    chats = [row.messages for row in rows]
    messages = list(chain.from_iterable(chats))
    texts, roles = [message.content for message in messages], [message.role for message in messages]
    made = Columns(texts=list(map(str.encode, texts)), turns=list(map(len, chats)))
    digests = b"".join(map(_digest, made.texts))
    characters = list(accumulate(map(len, texts), initial=0))
    octets = list(accumulate(map(len, made.texts), initial=0))
    begin = 0
    for end in accumulate(made.turns):
        shape = shapes[tuple(roles[begin:end])]
        made.room.append(shape.room)
        made.prompt.append(_number(digests[HASH * begin : HASH * (end - 1)], shape.seed))
        made.whole.append(_number(digests[HASH * begin : HASH * end], shape.seed))
        asked = begin + shape.question
        made.question.append(_number(folded(texts[asked])))
        made.characters.append(characters[end] - characters[begin])
        made.sizes.append(octets[end] - octets[begin])
        if shape.faults:
            made.doubtful.append(len(made.room) - 1)
        begin = end
    if any(map(str.isspace, texts)):
        made.doubtful = sorted({*made.doubtful, *_blank(chats)})
    made.keys = _quotes_of_keys(rows, len(texts))
    return made


def _blank(chats: Sequence[Sequence[Message]]) -> Iterator[int]:
    """Give the places of chats with a message of white space alone."""
    return (place for place, chat in enumerate(chats) if any(one.content.isspace() for one in chat))


def _quotes_of_keys(rows: Sequence[Row], messages: int) -> int:
    """Count the quotes that keys are written in, and those in and around texts that are no messages."""
    given = chain([row.prompt for row in rows], [row.prompt_id for row in rows])
    beside = sum(4 + text.count('"') for text in given if text is not None)
    return QUOTES_OF_A_ROW * len(rows) + QUOTES_OF_A_MESSAGE * messages + beside


def tally(data: bytes, columns: Columns) -> bool:
    """Tell whether the rows' keys and texts account for every quote: then no key stands twice.

    Only right where no quote is written as the escape of its number.
    """
    spoken = np.frombuffer(b"".join(columns.texts), np.uint8)
    written = np.frombuffer(data, np.uint8)
    quotes = np.count_nonzero(written == QUOTE) - np.count_nonzero(spoken == QUOTE)
    return bool(quotes == columns.keys)


def line_ends(data: bytes) -> NDArray[np.intp]:
    """Find a piece's line ends: one after the other where lines are long, else all bytes are compared."""
    if data.find(b"\n", 0, LONG) >= 0:
        return np.flatnonzero(np.frombuffer(data, np.uint8) == LF)
    found, place = [], data.find(b"\n")
    while place >= 0:
        found.append(place)
        place = data.find(b"\n", place + 1)
    return np.asarray(found, np.intp)


def one_value_a_line(data: bytes, ends: NDArray[np.intp]) -> bool:
    """Tell whether every line ends with } and the next begins with {: then each holds whole objects.

    The decoder asks for no line end between objects; with as many of them as lines, each line holds one.
    """
    if len(ends) <= FEW:
        return _few_values(data, ends.tolist())
    octets = np.frombuffer(data, np.uint8)
    last = octets[ends - 1]
    last = np.where(last == CR, octets[np.maximum(ends - 2, 0)], last)
    starts = ends[:-1] + 1 if ends[-1] == len(octets) - 1 else ends + 1
    return bool((last == CLOSE).all() and (octets[starts] == OPEN).all() and octets[0] == OPEN)


def _few_values(data: bytes, ends: list[int]) -> bool:
    """Tell the same of a few lines, for which numpy takes longer."""
    begin = 0
    for end in ends:
        last = data[end - 2 if data[end - 1] == CR else end - 1]
        if data[begin] != OPEN or last != CLOSE or end == begin:
            return False
        begin = end + 1
    return bool(ends) and (begin == len(data) or data[begin] == OPEN)
