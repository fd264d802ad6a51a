"""How many tokens a data set has: counted on a sample and near the limit, else estimated, and how well."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from shared.datasets.estimate import Estimate
from shared.datasets.statistics import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.datasets.figures import Tokenized
    from shared.datasets.learnt import Tokens
    from shared.datasets.rows import Message

SURE = 1.96  # standard errors within which 95 % lie
QUANTILES = {"p5": 0.05, "median": 0.5, "p95": 0.95}


@dataclass(frozen=True)
class Chats:
    """The chats accepted. rows, train: how many; characters: of all; sampled: those looked at."""

    rows: int
    train: int
    characters: int
    sampled: Sequence[Sequence[Message]]


@dataclass
class TokenFigures:
    """Gathers the figures. model: whose tokenizer counts, None without one; limit: where Azure ML cuts."""

    model: str | None
    limit: int | None
    epochs: float
    longest: int = 0
    over: int = 0
    counted: int = 0

    def add(self, counted: Iterable[Tokens]) -> None:
        """Take accepted rows that were counted because they may not fit."""
        for tokens in counted:
            self.counted += 1
            self.longest = max(self.longest, tokens.total)
            self.over += self.limit is not None and tokens.total > self.limit

    def figures(self, chats: Chats, totals: Sequence[int] | None, closer: Sequence[Tokens]) -> Tokenized:
        """Give all figures. totals: tokens of the chats sampled, None where they were not counted.

        closer: some of those chats, of which is known what is learnt.
        """
        plain = Estimate()
        sizes = totals if totals is not None else [round(plain.chat(chat)) for chat in chats.sampled]
        total, error = _total(chats, sizes)
        read = [min(size, self.limit or size) for size in sizes]
        share = sum(read) / max(1, sum(sizes)) * chats.train / max(1, chats.rows)
        whole = sum(min(one.total, self.limit or one.total) for one in closer)
        answers = sum(one.learnt for one in closer) / whole if whole else None
        figures: dict[str, Any] = {
            "counted_by": self.model,
            "limit": self.limit,
            "sampled": len(sizes),
            "counted_near_limit": self.counted,
            "total": total,
            "total_exact": totals is not None and len(sizes) == chats.rows,
            "error": error if totals is not None else plain.error,
            "epochs": self.epochs,
            "trained": round(total * share * self.epochs),
            "learnt": answers,
            "over_limit": self.over,
            **_spread(sizes, self.longest),
        }
        return cast("Tokenized", figures)


def _total(chats: Chats, sizes: Sequence[int]) -> tuple[int, float]:
    """Estimate all chats' tokens by their characters, as the sample has it; give the relative error too."""
    if len(sizes) == chats.rows or not sizes:
        return sum(sizes), 0.0
    tokens = np.asarray(sizes, np.float64)
    characters = np.asarray([sum(len(m.content) for m in chat) for chat in chats.sampled], np.float64)
    ratio = tokens.sum() / max(1.0, characters.sum())
    off = tokens - ratio * characters
    spread = math.sqrt(float((off**2).sum()) / max(1, len(sizes) - 1) / len(sizes))
    return round(ratio * chats.characters), SURE * spread / max(1.0, float(tokens.mean()))


def _spread(sizes: Sequence[int], longest: int) -> dict[str, Any]:
    """Give least, quantiles, most: the smallest size that at least such a share does not exceed."""
    ordered, histogram = sorted(sizes), Histogram()
    histogram.add(np.asarray(ordered, np.uint32))
    places = {name: max(0, math.ceil(share * len(ordered)) - 1) for name, share in QUANTILES.items()}
    return {
        "min": ordered[0] if ordered else 0,
        **{name: ordered[place] if ordered else 0 for name, place in places.items()},
        "max": max([longest, *ordered[-1:]]),
        "histogram": histogram.figures()["histogram"],
    }


def said(figures: Tokenized) -> str:
    """Say in a sentence where the figures come from."""
    if figures["counted_by"] is None:
        return (
            f"estimated from the text, as the base model's tokenizer is not at hand: "
            f"95 of 100 texts are within {figures['error']:.0%}"
        )
    how = f"counted with the tokenizer of {figures['counted_by']}"
    if figures["total_exact"]:
        return f"{how}, every row"
    within = f"the total is within {figures['error']:.1%}"
    return f"{how} on {figures['sampled']:,} rows, and on all near the limit; {within}"
