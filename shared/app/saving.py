"""Keep count of what the sweep has saved, in runs/sweep/savings.json."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from shared.app import sweep_report
from shared.domain import savings
from shared.domain.errors import AlreadyThere, Changed, Missing
from shared.domain.savings import Savings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.app.ledger import Ledger
    from shared.domain.sweep import Verdict
    from shared.ports import World

log = logging.getLogger(__name__)
NAME = "sweep/savings.json"
TRIES = 5
SAVINGS: msgspec.json.Decoder[Savings] = msgspec.json.Decoder(Savings)  # as in shared.app.ledger


def read(world: World) -> tuple[Savings, str | None]:
    """Read the count; nothing saved where there is no document yet."""
    try:
        stored = world.ledger.read(NAME)
    except Missing:
        return Savings(), None
    return SAVINGS.decode(stored.data), stored.etag


def count(world: World, ledger: Ledger, taken: Sequence[Verdict]) -> Savings:
    """Count what was taken, and close what saves no more; over another sweep's write it is done again."""
    now = world.now()
    for _ in range(TRIES):
        before, etag = read(world)
        after = savings.after(before, taken, lambda recipe: _served_since(ledger, recipe), now)
        if after == before:
            return after
        try:
            data = msgspec.json.encode(after)
            world.ledger.replace(NAME, data, etag) if etag else world.ledger.create(NAME, data)
        except (Changed, AlreadyThere):
            continue
        return after
    log.warning("sweep: the savings are being written elsewhere; %d are not counted", len(taken))
    return before


def _served_since(ledger: Ledger, recipe: str) -> datetime | None:
    champion = ledger.lane(recipe).lane.champion
    return champion.since if champion else None


def by_month(world: World) -> list[tuple[str, int, float]]:
    """Add up what sweeps took, month by month, newest first: the month, how many, what that saves a month."""
    found: dict[str, tuple[int, float]] = {}
    for entry in world.ledger.names(sweep_report.KEPT):
        report = msgspec.json.decode(world.ledger.read(entry.name).data)
        month, taken = str(report["at"])[:7], report["taken"]
        count, usd = found.get(month, (0, 0.0))
        usd += sum(one["saves_monthly_usd"] or 0.0 for one in taken)
        found[month] = (count + len(taken), usd)
    return [(month, count, round(usd, 2)) for month, (count, usd) in sorted(found.items(), reverse=True)]
