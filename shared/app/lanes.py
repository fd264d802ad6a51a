"""Change a recipe's lane under compare-and-swap, and hint those who wait for what became free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.errors import Changed
from shared.domain.lane import next_in_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.app.ledger import Ledger
    from shared.domain.lane import Lane
    from shared.ports import Steps

TRIES = 20


def change(ledger: Ledger, recipe: str, alter: Callable[[Lane], Lane]) -> Lane:
    """Write `alter(lane)`; over somebody else's write it is done again on theirs."""
    for _ in range(TRIES):
        held = ledger.lane(recipe)
        after = alter(held.lane)
        if after == held.lane:
            return after
        try:
            return ledger.save_lane(held, after).lane
        except Changed:
            continue
    raise Changed("lane-busy", f"The lane of {recipe} changed {TRIES} times while it was being written.")


def hint_next(steps: Steps, lane: Lane) -> None:
    """Ask for a look at the runs that may go on now."""
    for run in next_in_line(lane):
        steps.send(run)
