"""What the sweep has saved in all, told cautiously.

A deletion saves its hourly price from then on, until the recipe has a new model in service, and for 30 days
at most: by then somebody would have seen the bill. What nobody could price is counted, never valued.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.domain.sweep import HOURS_A_MONTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.domain.sweep import Verdict

LONGEST = timedelta(days=30)
HOUR = timedelta(hours=1)


class Saving(msgspec.Struct, frozen=True):
    """One thing that was taken, and goes on saving."""

    at: datetime
    recipe: str
    hourly_usd: float


class Savings(msgspec.Struct, frozen=True):
    """runs/sweep/savings.json. over_usd: what those saved that save no more; open: by thing."""

    taken: int = 0
    unpriced: int = 0
    over_usd: float = 0.0
    open: dict[str, Saving] = {}

    def usd(self, now: datetime) -> float:
        """Add up what has been saved until now."""
        return round(self.over_usd + sum(_saved(one, now) for one in self.open.values()), 2)


def after(
    before: Savings, taken: Iterable[Verdict], served_since: Callable[[str], datetime | None], now: datetime
) -> Savings:
    """Count what was taken now, and close what saves no more.

    served_since: tells since when a recipe's model serves; None: none does.
    """
    still: dict[str, Saving] = {}
    over, count, unpriced = before.over_usd, before.taken, before.unpriced
    for key, one in before.open.items():
        ends = _end(one, served_since(one.recipe) if one.recipe else None)
        if ends <= now:
            over += _saved(one, ends)
        else:
            still[key] = one
    for verdict in taken:
        count += 1
        if verdict.saves_monthly_usd is None:
            unpriced += 1
        elif verdict.saves_monthly_usd and verdict.key not in still:
            still[verdict.key] = Saving(now, verdict.recipe, verdict.saves_monthly_usd / HOURS_A_MONTH)
    return replace(before, taken=count, unpriced=unpriced, over_usd=round(over, 4), open=still)


def _end(one: Saving, served: datetime | None) -> datetime:
    latest = one.at + LONGEST
    return min(latest, served) if served is not None and served > one.at else latest


def _saved(one: Saving, until: datetime) -> float:
    return one.hourly_usd * (min(until, one.at + LONGEST) - one.at) / HOUR
