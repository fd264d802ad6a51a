"""Follow a run to its rest, and turn its state into an exit code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared.app.ledger import Ledger
from shared.cli import output
from shared.domain.errors import Missing, Permanent, Transient
from shared.domain.run import State

if TYPE_CHECKING:
    from shared.domain.run import Run
    from shared.ports import World

SECONDS = 1.0
LOOKS = 60  # without a run, before a person is told what it may wait for
NO_RUN = (
    "no run of it yet: the app looks for drops each few minutes, and receives it then; else: droptune doctor"
)
GOOD = frozenset({State.LIVE, State.UNCHANGED})


def follow(world: World, name: str, *, wait_for_it: bool = False) -> Run:
    """Print every change of a run until it ends or waits for a person; return it as it is then.

    wait_for_it: a drop's run may not be in the ledger yet; else its absence raises Permanent.
    """
    ledger, told, reason, looks = Ledger(world.ledger), 0, "", 0
    while True:
        looks += 1
        try:
            run = ledger.load(name).run
        except Transient as fault:
            output.progress(f"  {fault.problem}")
        except Missing:
            if not wait_for_it:
                raise missing(name) from None
            if looks == LOOKS:
                output.progress(f"          {'':<18} {NO_RUN}")
        else:
            for change in run.history[told:]:
                output.progress(f"{change.at:%H:%M:%S}  {change.state:<18} {change.reason}")
            if run.reason != reason and told == len(run.history):
                output.progress(f"          {'':<18} {run.reason}")
            told, reason = len(run.history), run.reason
            if run.ended or run.state is State.AWAITING_APPROVAL:
                return run
        time.sleep(SECONDS)


def exit_code(run: Run) -> int:
    """Give 0 for live or unchanged, 3 for waiting on a person, else 1."""
    if run.state in GOOD:
        return 0
    return 3 if run.state is State.AWAITING_APPROVAL else 1


def missing(name: str) -> Permanent:
    """Say that there is no such run."""
    return Permanent("run-missing", f"There is no run {name!r}.", "See the runs there are: droptune runs")
