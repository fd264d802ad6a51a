"""Quiet hours: `22:00-06:00 Europe/Zurich`, in which the sweep marks and tells, and takes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

A_DAY = timedelta(days=1)


def until(hours: str | None, now: datetime) -> datetime | None:
    """Tell when the quiet hours end that `now` lies in; None outside of them. Both times are UTC.

    The end is the wall clock's: a night in which clocks change is an hour shorter or longer.
    """
    if hours is None:
        return None
    begins, ends, zone = read(hours)
    local = now.astimezone(zone)
    for day in (local.date() - A_DAY, local.date()):
        start = datetime.combine(day, begins, zone)
        end = datetime.combine(day if begins < ends else day + A_DAY, ends, zone)
        if start.astimezone(UTC) <= now < end.astimezone(UTC):
            return end.astimezone(UTC)
    return None


def read(hours: str) -> tuple[time, time, ZoneInfo]:
    """Read begin, end and zone; raises ValueError saying what is wrong."""
    span, _, zone = hours.partition(" ")
    first, _, last = span.partition("-")
    begins, ends = time.fromisoformat(first), time.fromisoformat(last)
    if begins == ends:
        raise ValueError("quiet hours that end where they begin are none")
    try:
        return begins, ends, ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise ValueError(f"{zone!r} is no time zone, as Europe/Zurich or UTC") from unknown
