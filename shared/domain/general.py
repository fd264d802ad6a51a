"""The general set's questions in the smoke test: what a model that was tuned must still know.

They are counted. With `evaluation.min_general` that part of them must be right; and a challenger must not
surely know less than the champion did when it was asked the same: of the questions that only one of the two
answered right, too many are the champion's (the sign test, one-sided; answers are sampled, so one or two
prove nothing).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.domain.recipe import Recipe
    from shared.domain.smoke import Answer

CHANCE = 0.05

Fault = tuple[str, str]


def of(answers: Sequence[Answer]) -> list[Answer]:
    """Pick the general set's answers."""
    return [answer for answer in answers if answer.general]


def right(answers: Sequence[Answer]) -> int:
    """Count the general questions that were answered right."""
    return sum(bool(answer.found) for answer in of(answers))


def fault(answers: Sequence[Answer], recipe: Recipe, champion: Sequence[Answer]) -> Fault | None:
    """Say why the general questions stop a challenger, and what to do; None where they do not.

    champion: what it answered when it was asked; empty where there is none.
    """
    mine, least = of(answers), recipe.evaluation.min_general
    if not mine:
        return None
    count = right(mine)
    if count / len(mine) < least:
        what = f"{count} of {len(mine)} general questions were answered right; expected "
        return f"{what}evaluation.min_general ({least:g}) of them.", "Mix general chats into the rows"
    lost, won = _differences(mine, of(champion))
    if lost > won and by_chance(lost, lost + won) < CHANCE:
        what = f"It answered {count} of {len(mine)} general questions right; the champion knew {lost} that "
        return f"{what}it did not, and it {won} that the champion did not.", "Mix general chats into the rows"
    return None


def by_chance(lost: int, differing: int) -> float:
    """Give the chance of at least `lost` of `differing` where both models are as good."""
    ways = sum(math.comb(differing, some) for some in range(lost, differing + 1))
    return float(ways / 2**differing)


def _differences(mine: Sequence[Answer], champion: Sequence[Answer]) -> tuple[int, int]:
    """Count what only the champion answered right, and what only the challenger did, of the same ones."""
    knew = {answer.ask: bool(answer.found) for answer in champion}
    both = [(knew[answer.ask], bool(answer.found)) for answer in mine if answer.ask in knew]
    return both.count((True, False)), both.count((False, True))
