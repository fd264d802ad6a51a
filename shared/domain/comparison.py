"""Two models over the same chats: how much the one gains on the other, and how sure that is.

Pure: the bootstrap draws from a generator of its own, so the same losses give the same interval always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DRAWS = 2000
TAIL = 0.025  # on either side: 95 % sure
SEED = 20261128
_BITS = (1 << 64) - 1


class Against(msgspec.Struct, frozen=True):
    """The model a challenger is compared with, chosen before the job is made.

    model: its id; run: the champion's, empty where the base model is compared with.
    """

    model: str
    run: str = ""

    def told(self) -> str:
        """Say it for people."""
        return f"the champion {self.run}" if self.run else "the base model"


class Paired(msgspec.Struct, frozen=True):
    """One set's comparison: mean losses a chat, the mean gain (above 0: the challenger is better), 95 %."""

    chats: int
    challenger: float
    reference: float
    gain: float
    low: float
    high: float

    def told(self) -> str:
        """Say it for people."""
        return (
            f"loss {self.challenger:.4g}, was {self.reference:.4g}: gain {self.gain:.4g}, 95 % sure between "
            f"{self.low:.4g} and {self.high:.4g}, over {self.chats} chats"
        )


class Compared(msgspec.Struct, frozen=True):
    """What the comparing step measured. None: of that set it measured nothing, or was not asked to."""

    frozen: Paired | None = None
    general: Paired | None = None


def paired(challenger: Mapping[int, float], reference: Mapping[int, float]) -> Paired | None:
    """Compare over the chats that both have; None where there are none."""
    both = sorted(challenger.keys() & reference.keys())
    if not both:
        return None
    gains = [reference[chat] - challenger[chat] for chat in both]
    low, high = interval(gains)
    return Paired(
        chats=len(both),
        challenger=_mean([challenger[chat] for chat in both]),
        reference=_mean([reference[chat] for chat in both]),
        gain=_mean(gains),
        low=low,
        high=high,
    )


def interval(gains: Sequence[float]) -> tuple[float, float]:
    """Give the 95 % interval of the mean: the percentiles of the means of DRAWS samples, with replacement."""
    count, numbers = len(gains), _numbers()
    means = sorted(
        sum(gains[next(numbers) * count >> 32] for _ in range(count)) / count for _ in range(DRAWS)
    )
    return means[int(DRAWS * TAIL)], means[int(DRAWS * (1 - TAIL)) - 1]


def _numbers(state: int = SEED) -> Iterator[int]:
    """Give numbers below 2 ** 32, evenly: splitmix64 (Steele, Lea and Flood, 2014), its upper half."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _BITS
        mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _BITS
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _BITS
        yield (mixed ^ (mixed >> 31)) >> 32


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
