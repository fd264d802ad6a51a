"""A few chats as the model will see them, shortened for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.datasets.rows import Message

MOST_MESSAGES = 8
MOST_CHARACTERS = 600


class Said(msgspec.Struct, frozen=True):
    """A message as it is shown."""

    role: str
    text: str


def preview(chats: Sequence[Sequence[Message]]) -> Iterator[list[Said]]:
    """Shorten chats: the first messages, the start of each text."""
    for chat in chats:
        yield [Said(message.role, _short(message.content)) for message in chat[:MOST_MESSAGES]]


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
