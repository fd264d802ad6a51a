"""Which chats surely fit within the limit, by their bytes alone, and the exact tokens of all others.

A tokenizer makes no more tokens of a text than it has bytes: where those fit, nothing is cut, and the order
of roles tells what is learnt. So counting is for long rows, and for texts that hold what begins a turn.
Where a tokenizer or a template is of a kind for which this is not known, every row is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.datasets.template import ChatTemplate, TemplateFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.datasets.bounds import Bounds
    from shared.datasets.learnt import Tokens
    from shared.datasets.rows import Message
    from shared.datasets.tokens import TokenCounter

FILLER = "x"
COUNT_ALL = -1


class Meter:
    """Counts the chats that may not fit. counter: makes one when the first chat is to be counted."""

    def __init__(self, bounds: Bounds, counter: Callable[[], TokenCounter]) -> None:
        self.limit, self._bounds, self._counter = bounds.limit, bounds, counter
        self._template = ChatTemplate(bounds.template, bounds.named)
        self._pairs, self._literals = bounds.pairs, bounds.literals
        self._signs = {literal[:1] for literal in self._literals}
        self._rooms: dict[tuple[str, ...], int] = {}

    def room(self, roles: tuple[str, ...]) -> int:
        """Tell with how many bytes of text a chat of these roles surely fits; COUNT_ALL: with none."""
        markers = self._bounds.markers
        try:
            text = self._template.render([{"role": role, "content": FILLER} for role in roles])
        except TemplateFault:
            return COUNT_ALL
        turns = (text.count(markers.response), text.count(markers.instruction))
        if not self._bounds.growth or turns != (roles.count("assistant"), roles.count("user")):
            return COUNT_ALL
        around = len(text.encode()) - len(FILLER) * len(roles)
        return max(COUNT_ALL, self.limit // self._bounds.growth - max(0, around) - 1)

    def surely(self, texts: Sequence[str], room: int) -> bool:
        """Tell whether texts surely fit in that room."""
        octets = [text.encode("utf-8", "surrogatepass") for text in texts]
        if sum(map(len, octets)) <= room:
            return True
        return room >= 0 and self._pairs is not None and self._pairs.most(octets) <= room

    def marked(self, data: bytes) -> bool:
        """Tell whether JSON may hold a text that begins a turn; characters written by number aside."""
        if not any(sign in data for sign in self._signs):  # a single byte is found twenty times as fast
            return False
        return any(literal in data for literal in self._literals)

    def count(self, chat: Sequence[Message | Mapping[str, Any]]) -> Tokens:
        """Count one chat."""
        return self._counter().count([chat])[0]

    def fits(self, chat: Sequence[Mapping[str, Any]]) -> bool:
        """Tell whether a decoded chat surely fits and is learnt as its roles say."""
        if not all(_plain(message) for message in chat):
            return False
        texts = [message["content"] for message in chat]
        roles = tuple(message["role"] for message in chat)
        if (room := self._rooms.get(roles)) is None:
            room = self._rooms[roles] = self.room(roles)
        return self.surely(texts, room) and not any(
            mark in text for mark in self._bounds.marks for text in texts
        )


def _plain(message: Mapping[str, Any]) -> bool:
    """Tell whether a message is two texts and no more, for a template may write any key."""
    texts = (message.get("role"), message.get("content"))
    return len(message) == len(texts) and all(isinstance(text, str) for text in texts)
