"""A sweep that holds a lane's deploy slot names itself with its time, so that a dead one can be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

PREFIX = "sweep-"
LONGEST = timedelta(minutes=10)


def holder(now: datetime, unique: str) -> str:
    """Name a sweep as the holder of a slot: `sweep-<epoch second>-<id>`."""
    return f"{PREFIX}{int(now.timestamp())}-{unique}"


def is_sweep(name: str) -> bool:
    """Tell a sweep from a run: no run's name looks like this, for a recipe's time stamp has 14 digits."""
    parts = name.split("-", 2)
    return len(parts) == 3 and parts[0] == "sweep" and parts[1].isdecimal() and len(parts[1]) < 14  # noqa: PLR2004


def is_dead_sweep(name: str, now: datetime) -> bool:
    """Tell whether the sweep that took the slot must have died; False for runs."""
    if not is_sweep(name):
        return False
    begun = datetime.fromtimestamp(int(name.split("-", 2)[1]), UTC)
    return now - begun > LONGEST
