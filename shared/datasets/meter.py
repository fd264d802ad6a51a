"""Which chats surely fit within the limit, by their bytes alone, and the exact tokens of all others.

A tokenizer makes no more tokens of a text than it has bytes: where those fit, nothing is cut, and the order
of roles tells what is learnt. So counting is for long rows, and for texts that hold what begins a turn.
Where a tokenizer or a template is of a kind for which this is not known, every row is counted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shared.datasets.pairs import Pairs
from shared.datasets.pieces import part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tokenizers import Tokenizer

    from shared.datasets.learnt import Tokens
    from shared.datasets.rows import Message
    from shared.datasets.tokens import TokenCounter

FILLER = "x"
NFC_GROWTH = 3  # Unicode's own bound for UTF-8: unicode.org/faq/normalization.html
PLAIN = re.compile(r"[\w<>|:# ]+", re.ASCII)  # what JSON writes as it stands
SPLITTING = frozenset(
    {"ByteLevel", "Split", "Digits", "Metaspace", "Whitespace", "WhitespaceSplit", "Punctuation"}
)
COUNT_ALL = -1


class Meter:
    """Counts the chats that may not fit. For one process, for it remembers pieces of texts."""

    def __init__(self, counter: TokenCounter) -> None:
        self.counter, self.limit = counter, counter.limit
        self._growth = growth(counter.tokenizer) if _closed(counter) else 0
        self._marks = tuple({counter.markers.response, counter.markers.instruction, counter.pad})
        self._literals = [max(PLAIN.findall(mark) or [""], key=len).encode() for mark in self._marks]
        self._pairs = Pairs(counter.tokenizer) if self._growth == 1 and counter.cuts_at_spaces else None
        self._rooms: dict[tuple[str, ...], int] = {}

    def room(self, roles: tuple[str, ...]) -> int:
        """Tell with how many bytes of text a chat of these roles surely fits; COUNT_ALL: with none."""
        if self._growth:
            chat = [{"role": role, "content": FILLER} for role in roles]
            tokens = self.count(chat)
            if tokens.fault is None and tokens.learnt:
                around = len(self.counter.template.render(chat).encode()) - len(FILLER) * len(roles)
                return max(COUNT_ALL, self.limit // self._growth - max(0, around) - 1)
        return COUNT_ALL

    def surely(self, texts: Sequence[str], room: int) -> bool:
        """Tell whether texts surely fit in that room."""
        octets = [text.encode("utf-8", "surrogatepass") for text in texts]
        if sum(map(len, octets)) <= room:
            return True
        return room >= 0 and self._pairs is not None and sum(map(self._pairs.most, octets)) <= room

    def marked(self, data: bytes) -> bool:
        """Tell whether JSON may hold a text that begins a turn; characters written by number aside."""
        return any(literal[:1] in data and literal in data for literal in self._literals)

    def count(self, chat: Sequence[Message | Mapping[str, Any]]) -> Tokens:
        """Count one chat."""
        return self.counter.count([chat])[0]

    def fits(self, chat: Sequence[Mapping[str, Any]]) -> bool:
        """Tell whether a decoded chat surely fits and is learnt as its roles say."""
        if not all(_plain(message) for message in chat):
            return False
        texts = [message["content"] for message in chat]
        roles = tuple(message["role"] for message in chat)
        if (room := self._rooms.get(roles)) is None:
            room = self._rooms[roles] = self.room(roles)
        return self.surely(texts, room) and not any(mark in text for mark in self._marks for text in texts)


def _plain(message: Mapping[str, Any]) -> bool:
    """Tell whether a message is two texts and no more, for a template may write any key."""
    texts = (message.get("role"), message.get("content"))
    return len(message) == len(texts) and all(isinstance(text, str) for text in texts)


def growth(tokenizer: Tokenizer) -> int:
    """Tell how many tokens a byte of text becomes at most; 0: nothing is known."""
    normalizer, pre = part(tokenizer.normalizer), part(tokenizer.pre_tokenizer)
    steps = [] if normalizer is None else normalizer.get("normalizers", [normalizer])
    cuts = [] if pre is None else pre.get("pretokenizers", [pre])
    if type(tokenizer.model).__name__ != "BPE" or not all(one["type"] in SPLITTING for one in cuts):
        return 0
    factor = 1
    for step in steps:
        if step["type"] == "NFC":
            factor = NFC_GROWTH
        elif step["type"] != "Prepend" and not _one_sign(step, tokenizer):
            return 0
    # A sign put before each stretch of text: one token more, as its special token had bytes to spare.
    shortest = min((len(one.content) for one in tokenizer.get_added_tokens_decoder().values()), default=2)
    return factor if shortest > 1 else 2 * factor


def _one_sign(step: Mapping[str, Any], tokenizer: Tokenizer) -> bool:
    """Tell whether a step replaces one text by one sign that is a token, as a space by U+2581."""
    content = step.get("content", "")
    return step["type"] == "Replace" and len(content) == 1 and tokenizer.token_to_id(content) is not None


def _closed(counter: TokenCounter) -> bool:
    """Tell whether a turn's marker is the same tokens whatever text stands beside it."""
    added = {one.content for one in counter.tokenizer.get_added_tokens_decoder().values()}
    probe = counter.template.render(counter.template.probe())
    for marker in (counter.markers.response, counter.markers.instruction):
        first = any(marker.startswith(text) for text in added)
        last = any(marker.endswith(text) for text in added)
        after = probe[probe.find(marker) + len(marker) :][:1]
        if not first or not (last or after.isspace()):
            return False
    return True
