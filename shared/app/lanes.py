"""Change a recipe's lane under compare-and-swap, and hint those who wait for what became free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.domain.errors import Changed
from shared.domain.lane import leave, next_in_line
from shared.domain.run import ENDS
from shared.domain.sweep_holder import is_dead_sweep, is_sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.app.ledger import Ledger
    from shared.domain.lane import Lane
    from shared.ports import Steps, World

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


def holds(world: World, ledger: Ledger, name: str) -> bool:
    """Tell whether a slot's holder still holds it: a run on its way, or a sweep that has not died."""
    if is_sweep(name):
        return not is_dead_sweep(name, world.now())
    return ledger.state(name) not in {None, *ENDS}


def take_deploy_slot(world: World, ledger: Ledger, recipe: str, mine: str) -> Lane:
    """Take the deploy slot for a sweep or a person's command where nobody holds it; look at `deploying`."""

    def alter(lane: Lane) -> Lane:
        held = lane.deploying is not None and holds(world, ledger, lane.deploying)
        return lane if held else replace(lane, deploying=mine)

    return change(ledger, recipe, alter)


def give_back(world: World, ledger: Ledger, recipe: str, name: str) -> None:
    """Give up every slot that `name` has and hint those who wait."""
    hint_next(world.steps, change(ledger, recipe, lambda lane: leave(lane, name)))


def hint_next(steps: Steps, lane: Lane) -> None:
    """Ask for a look at the runs that may go on now."""
    for run in next_in_line(lane):
        steps.send(run)
