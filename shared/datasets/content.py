"""What is wrong in texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.datasets.rows import Fault, Message

TEMPLATE_TOKEN = re.compile(r"<\|[a-z_]+\|>|</?s>|\[/?INST\]|<<SYS>>")
INVISIBLE = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)


def look(messages: Sequence[Message]) -> Iterator[Fault]:
    """Look into texts for what breaks a chat template or hides from a reader."""
    for pattern, code in ((TEMPLATE_TOKEN, "DT501"), (INVISIBLE, "DT502")):
        for message in messages:
            found = pattern.search(message.content)
            if found:
                yield code, f"{found[0]!r} in a {message.role} message"
                break
