"""Timer triggers: NCRONTAB with six fields, one call at a time, a missed tick made up for once."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from croniter import croniter

from local.functions_host import decode, settings

if TYPE_CHECKING:
    from local.functions_host.calls import Caller
    from local.functions_host.index import Function

log = logging.getLogger("timers")
FIELDS = 6  # second minute hour day month weekday
LATE = timedelta(milliseconds=500)  # a tick this long ago was missed


class BadSchedule(Exception):
    """A timer's schedule cannot be read."""


def next_tick(schedule: str, after: datetime) -> datetime:
    """Find the first tick after a time. Sunday is 0, seconds come first, day and weekday both must match."""
    found: datetime = croniter(schedule, after, second_at_beginning=True, day_or=False).get_next(datetime)
    return found


class Timer:
    """Calls one function by its schedule."""

    def __init__(self, function: Function, caller: Caller) -> None:
        self._function, self._caller = function, caller
        self._schedule = settings.resolve(str(function.binding["schedule"]))
        fields = self._schedule.split()
        if len(fields) != FIELDS or not croniter.is_valid(self._schedule, second_at_beginning=True):
            raise BadSchedule(f"{self._schedule!r} is no NCRONTAB schedule of six fields, as 0 */5 * * * *")
        self._on_start = bool(function.binding.get("runOnStartup"))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"timer-{function.name}", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """Tick no more; a call under way goes on."""
        self._over.set()

    def _run(self) -> None:
        if self._on_start:
            self._call(past_due=False)
        due, missed = next_tick(self._schedule, _now()), False
        while not self._over.wait(max(0.0, (due - _now()).total_seconds())):
            self._call(past_due=missed or _now() - due > LATE)
            # Ticks that passed while the call ran are not made up for one by one, but by one call.
            following, last = next_tick(self._schedule, due), _last_before(self._schedule, _now())
            due, missed = max(following, last), last >= following

    def _call(self, *, past_due: bool) -> None:
        try:
            self._caller.call(self._function, decode.timer(past_due=past_due))
        except Exception:  # noqa: BLE001 - it is logged by the caller, and never stops the schedule
            log.warning("function=%s failed; the schedule goes on", self._function.name)


def _last_before(schedule: str, now: datetime) -> datetime:
    found: datetime = croniter(schedule, now, second_at_beginning=True, day_or=False).get_prev(datetime)
    return found


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a timer lives by the clock
