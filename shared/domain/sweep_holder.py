"""A sweep that holds a lane's deploy slot names itself with its time, so that a dead one can be told."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

LONGEST = timedelta(minutes=10)
# A run of a recipe `sweep-1` is no sweep: of the two parts behind its recipe's name one has 14 digits.
HOLDER = re.compile(r"sweep-(\d{1,13})-[^-]+")


def holder(now: datetime, unique: str) -> str:
    """Name a sweep as the holder of a slot: `sweep-<epoch second>-<id>`; the id has no dash."""
    return f"sweep-{int(now.timestamp())}-{unique}"


def is_sweep(name: str) -> bool:
    """Tell a sweep from a run, whatever its recipe is called."""
    return HOLDER.fullmatch(name) is not None


def is_dead_sweep(name: str, now: datetime) -> bool:
    """Tell whether the sweep that took the slot must have died; False for runs."""
    found = HOLDER.fullmatch(name)
    return found is not None and now - datetime.fromtimestamp(int(found[1]), UTC) > LONGEST
