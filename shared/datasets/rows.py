"""A row of the pipeline's own format, and what is derived from it."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec

_LOWER = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))
_SPACE = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"

Fault = tuple[str, str]  # code, what was found
Role = Literal["system", "user", "assistant"]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A message: nobody else's role, and never empty."""

    role: Role
    content: Annotated[str, msgspec.Meta(min_length=1)]


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A row. prompt and prompt_id may be missing in what users write."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=2)]
    prompt: str | None = None
    prompt_id: str | None = None


def folded(text: str) -> bytes:
    """Fold case and take white space out, so that the same question asked twice is the same bytes."""
    if text.isascii():
        return text.encode().translate(_LOWER, _SPACE)
    return "".join(text.casefold().split()).encode()


def first_question(row: Row) -> str:
    """Give the first user message, else the first message: what decides the part."""
    return next((m.content for m in row.messages if m.role == "user"), row.messages[0].content)


def complete(row: Row) -> Row:
    """Fill prompt and prompt_id in, always in the same way, so that every prepared row has every column."""
    prompt = first_question(row) if row.prompt is None else row.prompt
    prompt_id = row.prompt_id or hashlib.sha256(prompt.encode()).hexdigest()
    return Row(row.messages, prompt, prompt_id)
