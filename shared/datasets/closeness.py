"""Near copies among sampled chats: MinHash over runs of three words, by a kept library (rensa)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.datasets.rows import Message

ALIKE = 0.8
PERMUTATIONS, BANDS, SEED = 128, 16, 1
MOST_CHARACTERS = 2000
FEWEST_WORDS = 8
AT_ONCE = 100


@dataclass(frozen=True)
class Pair:
    """A chat and an earlier one it is like: places in what was given; alike: shared runs, 0 to 1."""

    place: int
    earlier: int
    alike: float


def near_copies(chats: Sequence[Sequence[Message]]) -> list[Pair]:
    """Find each chat's nearest earlier one above ALIKE. Chats of fewer than FEWEST_WORDS words have none."""
    from rensa import RMinHash, RMinHashLSH

    places: list[int] = []
    hashes: list[Any] = []
    for begin in range(0, len(chats), AT_ONCE):  # runs take ten times the memory of their text
        runs = {place: _runs(chats[place]) for place in range(begin, min(begin + AT_ONCE, len(chats)))}
        places += [place for place in runs if runs[place]]
        hashes += RMinHash.from_token_sets([words for words in runs.values() if words], PERMUTATIONS, SEED)
    index = RMinHashLSH(ALIKE, PERMUTATIONS, BANDS)
    index.insert_many(hashes)
    found = []
    for place, one in enumerate(hashes):
        earlier = [(one.jaccard(hashes[other]), -other) for other in index.query(one) if other < place]
        alike, other = max(earlier, default=(0.0, 0))
        if alike >= ALIKE:
            found.append(Pair(places[place], places[-other], alike))
    return found


def _runs(chat: Sequence[Message]) -> list[str]:
    text = " ".join(message.content for message in chat)[:MOST_CHARACTERS]
    words = text.casefold().split()
    if len(words) < FEWEST_WORDS:
        return []
    return [" ".join(run) for run in zip(words, words[1:], words[2:], strict=False)]
