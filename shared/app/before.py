"""The data set that a recipe's last model was trained on, to say what is new in this one."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from shared import datasets
from shared.app.ledger import Ledger
from shared.domain.errors import Missing
from shared.domain.run import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.app.claim import Work
    from shared.domain.run import Run
    from shared.ports import World

LOOKED_AT = 20  # runs of the recipe; older ones are of no interest
NEVER_LIVE = frozenset({State.FAILED, State.REJECTED, State.CANCELLED})


def compared(work: Work, report: datasets.Report) -> datasets.Report:
    """Say in the report what is new; unchanged where nothing earlier is left to compare with."""
    if work.run.recipe is None:
        return report
    for run in _candidates(work.world, work.run):
        earlier = _report(work.world, run)
        if earlier is not None:
            return datasets.compared(report, earlier, run.name, dict(work.run.recipe.checks))
    return report


def _candidates(world: World, mine: Run) -> Iterator[Run]:
    """Give the champion's run, then earlier ones whose data was trained on, newest first."""
    ledger = Ledger(world.ledger)
    champion = ledger.lane(mine.recipe_name).lane.champion
    if champion is not None and champion.place.run != mine.name:
        with suppress(Missing):  # it may have been forgotten
            yield ledger.load(champion.place.run).run
    for run in islice(ledger.of_recipe(mine.recipe_name), LOOKED_AT):
        if run.place < mine.place and run.trained and run.state not in NEVER_LIVE:
            yield run


def _report(world: World, run: Run) -> datasets.Report | None:
    """Read a run's report; None where there is none any more, or one that another version wrote."""
    if run.prepared is None:
        return None
    try:
        return datasets.Report.from_json(b"".join(world.prepared.read(f"{run.prepared.folder}/report.json")))
    except (Missing, datasets.NotAReport):
        return None
