"""Let old notes of the app go, so that the ledger grows with what people do and not with time.

Runs, lanes and what was learned stay: they are the story. What is told, and what a sweep said, ages.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from shared.app import notices, sweep_report, telling

if TYPE_CHECKING:
    from shared.ports import World

YEAR = timedelta(days=365)
AGES = {sweep_report.KEPT: 2 * YEAR, telling.TOLD: YEAR, notices.GIVEN_UP: timedelta(days=30)}
MOST = 1000  # of a kind, in one pass: a pass is a day's


def tidy(world: World) -> int:
    """Delete what is older than its kind is kept; counts it."""
    count = 0
    for prefix, age in AGES.items():
        before = world.now() - age
        old = (entry.name for entry in world.ledger.names(prefix) if entry.modified < before)
        for name in list(islice(old, MOST)):
            world.ledger.delete(name)
            count += 1
    return count
