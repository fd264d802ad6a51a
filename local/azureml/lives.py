"""When each server lived, and what was asked of it: what the metrics are made of.

Times are the emulator's clock's. A life is kept as its first and last moment. So a clock that is moved
on ages the servers that live, and their heartbeat has a point for each minute in between.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from local.azureml.clock import Clock
    from local.azureml.state import Store

_BACKWARD = 60


@dataclass(frozen=True)
class Count:
    """How many requests a deployment had in one minute, with one outcome."""

    deployment: str
    minute: int
    status: int
    model_status: int
    count: int


@dataclass(frozen=True)
class Call:
    """One request that was answered. model_status: the model's own; 0 where it gave none."""

    endpoint: str
    deployment: str
    status: int
    model_status: int
    seconds: float


class Life:
    """The life of one server's process."""

    def __init__(self, lives: Lives, endpoint: str, deployment: str, pid: int | None) -> None:
        """Begin now."""
        self._lives = lives
        self._of = (endpoint, deployment)
        self._process = _process(pid)
        self._row = lives.insert(*self._of)
        self._first = self._last = lives.now()

    def beat(self) -> None:
        """Write down that the process lives, and what share of the processors it used."""
        now = self._lives.now()
        if now < self._last - _BACKWARD:
            # The clock was set back: another life, in the earlier time.
            self._row = self._lives.insert(*self._of)
        self._last = now
        self._lives.extend(self._row, now, self._cpu())

    def end(self) -> None:
        """Write down the last moment."""
        self.beat()
        self._lives.drop(self)

    def _cpu(self) -> float:
        try:
            used = self._process.cpu_percent() if self._process else 0.0
        except psutil.Error:
            used = 0.0
        return round(min(100.0, used / (psutil.cpu_count() or 1)), 3)


class Lives:
    """Lives and requests of all deployments."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep them in `store`."""
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._now_living: set[Life] = set()

    def now(self) -> float:
        """Return the emulator's time in seconds since 1970."""
        return self._clock.now().timestamp()

    def begin(self, endpoint: str, deployment: str, pid: int | None) -> Life:
        """Begin the life of a server's process."""
        life = Life(self, endpoint, deployment, pid)
        with self._lock:
            self._now_living.add(life)
        return life

    def drop(self, life: Life) -> None:
        """Forget a life that has ended; its rows stay."""
        with self._lock:
            self._now_living.discard(life)

    def beat(self) -> None:
        """Bring the rows of all that live up to this moment."""
        with self._lock:
            living = list(self._now_living)
        for life in living:
            life.beat()

    def insert(self, endpoint: str, deployment: str) -> int:
        """Begin a row and return its number."""
        now = self.now()
        rows = self._store.execute(
            "INSERT INTO lives(endpoint, deployment, first, last, cpu) VALUES(?,?,?,?,0) RETURNING seq",
            (endpoint, deployment, now, now),
        )
        return int(str(rows[0][0]))

    def extend(self, row: int, now: float, cpu: float) -> None:
        """Let a row reach to `now`."""
        self._store.execute("UPDATE lives SET last=MAX(last,?), cpu=? WHERE seq=?", (now, cpu, row))

    def minutes(self, endpoint: str, deployment: str, first: int, last: int) -> dict[int, float]:
        """Return the minutes (since 1970) of `first` to `last` in which a server lived, with its CPU use."""
        rows = self._store.execute(
            "SELECT first, last, cpu FROM lives WHERE endpoint=? AND deployment=? AND last>=? AND first<? "
            "ORDER BY seq",
            (endpoint, deployment, first * 60, (last + 1) * 60),
        )
        found: dict[int, float] = {}
        for begun, ended, cpu in rows:
            start, end = max(first, int(float(str(begun)) // 60)), min(last, int(float(str(ended)) // 60))
            found |= dict.fromkeys(range(start, end + 1), float(str(cpu)))
        return found

    def note_call(self, call: Call) -> None:
        """Count one request to a deployment."""
        place = (call.endpoint, call.deployment, int(self.now() // 60))
        self._store.execute(
            "INSERT INTO calls(endpoint, deployment, minute, status, model_status, count) "
            "VALUES(?,?,?,?,?,1) ON CONFLICT DO UPDATE SET count=count+1",
            (*place, call.status, call.model_status),
        )
        self._store.execute(
            "INSERT INTO times(endpoint, deployment, minute, seconds) VALUES(?,?,?,?)",
            (*place, call.seconds),
        )

    def times(self, endpoint: str, first: int, last: int) -> dict[tuple[str, int], list[float]]:
        """Return how long requests took, in rising order, by deployment and minute."""
        rows = self._store.execute(
            "SELECT deployment, minute, seconds FROM times WHERE endpoint=? AND minute BETWEEN ? AND ? "
            "ORDER BY seconds",
            (endpoint, first, last),
        )
        found: dict[tuple[str, int], list[float]] = {}
        for deployment, minute, seconds in rows:
            found.setdefault((str(deployment), int(str(minute))), []).append(float(str(seconds)))
        return found

    def calls(self, endpoint: str, first: int, last: int) -> list[Count]:
        """Return the requests to an endpoint in the minutes `first` to `last`."""
        rows = self._store.execute(
            "SELECT deployment, minute, status, model_status, count FROM calls "
            "WHERE endpoint=? AND minute BETWEEN ? AND ? ORDER BY deployment, minute",
            (endpoint, first, last),
        )
        return [Count(str(d), *(int(str(number)) for number in rest)) for d, *rest in rows]


def _process(pid: int | None) -> psutil.Process | None:
    try:
        process = psutil.Process(pid) if pid else None
        if process:
            process.cpu_percent()  # the first call begins the measurement
    except psutil.Error:
        return None
    return process
