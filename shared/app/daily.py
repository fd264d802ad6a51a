"""The daily pass: each run is read once, for all that a day does with it, and let go before the next."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.app import forgetting, tidying
from shared.app.retention import Models

if TYPE_CHECKING:
    from shared.app.ledger import Ledger
    from shared.ports import World

log = logging.getLogger(__name__)


@dataclass
class Day:
    """What it did: markers and entries mended, runs whose data was erased, models and old notes gone."""

    mended: int = 0
    erased: int = 0
    models: int = 0
    notes: int = 0


def daily(world: World, ledger: Ledger) -> Day:
    """Mend markers and index, erase what is past its days, delete outdated models and old notes."""
    day, models = Day(), Models()
    listed = ledger.listed(world.now())
    for run in ledger.readable(listed.runs):
        day.mended += ledger.mend(run, listed)
        day.erased += forgetting.expire(world, ledger, run)
        models.see(run)
    day.models = models.expire(world, ledger)
    day.notes = tidying.tidy(world)
    log.info("daily pass: %s", day)
    return day
