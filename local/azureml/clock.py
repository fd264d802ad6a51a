"""The emulator's clock: the machine's, or one that tests have moved."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


def real_now() -> datetime:
    """Return the machine's own time, aware and in UTC; tokens live by it whatever the clock shows."""
    return datetime.fromtimestamp(time.time(), UTC)


def stamp(moment: datetime) -> str:
    """Return `moment` as Azure writes it: ISO 8601, UTC, microseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """Return the aware UTC time that ISO 8601 `text` means; without an offset it is UTC.

    Raises:
        ValueError: `text` is no ISO 8601 time.

    """
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def millis(moment: datetime) -> int:
    """Return `moment` as whole milliseconds since 1970, as MLflow counts."""
    return int(moment.timestamp() * 1000)


class Clock:
    """A clock that runs at the machine's pace, from the machine's time or from where it was set."""

    def __init__(self) -> None:
        """Start with the machine's time."""
        self._shift = timedelta()

    def now(self) -> datetime:
        """Return the emulator's time, aware and in UTC."""
        return real_now() + self._shift

    def stamp(self) -> str:
        """Return the emulator's time as Azure writes it."""
        return stamp(self.now())

    def set(self, moment: datetime | None) -> None:
        """Show `moment` from now on, running; None goes back to the machine's time."""
        self._shift = timedelta() if moment is None else moment - real_now()
