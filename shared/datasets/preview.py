"""A few chats as the model will see them, shortened for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.datasets.rows import Message

MOST_MESSAGES = 8
MOST_CHARACTERS = 600
MOST_RENDERED = 2400


class Said(msgspec.Struct, frozen=True):
    """A message as it is shown."""

    role: str
    text: str


class Shown(msgspec.Struct, frozen=True):
    """A chat. line: 1-based; left_out: messages beyond the first; rendered: by the model's own template.

    file: which of the data set's files, where it has several.
    """

    line: int
    messages: list[Said]
    left_out: int = 0
    rendered: str | None = None
    file: str = ""


def preview(
    chats: Sequence[tuple[int, Sequence[Message]]],
    render: Callable[[Sequence[Message]], str | None] | None = None,
) -> Iterator[Shown]:
    """Shorten chats: the first messages, the start of each text. render: the chat template, where at hand."""
    for line, chat in chats:
        said = [Said(message.role, _short(message.content)) for message in chat[:MOST_MESSAGES]]
        rendered = render(chat) if render else None
        text = None if rendered is None else _short(rendered, MOST_RENDERED)
        yield Shown(line, said, len(chat) - len(said), text)


def _short(text: str, most: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
