"""Failures that a test switches on in a fake, and the count of its calls."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Fault:
    """Raise `error` the next `times` times; after: once the effect has happened."""

    error: Exception
    times: int
    after: bool


class Faults:
    """Counts calls by name (`jobs.submit`) and fails those that a test said should fail.

    whole: each call is one step that no other thread can divide; not for calls that give piece after piece.
    """

    def __init__(self, names: frozenset[str], *, whole: bool = False) -> None:
        self._names = names
        self._effect = threading.RLock() if whole else nullcontext()
        self._faults: dict[str, list[Fault]] = {}
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def fail_next(self, name: str, error: Exception, *, times: int = 1, after: bool = False) -> None:
        self._faults.setdefault(self.full(name), []).append(Fault(error, times, after))

    def clear(self) -> None:
        self._faults.clear()

    def full(self, name: str) -> str:
        """Find the one call that `name` means: `submit` is `jobs.submit`, `find` could be three."""
        found = [known for known in self._names if name in {known, known.partition(".")[2]}]
        assert len(found) == 1, f"{name!r} names {sorted(found) or 'no call'}; calls: {sorted(self._names)}"
        return found[0]

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Stand around one call's effect."""
        assert name in self._names, name
        with self._lock:
            self.calls[name] += 1
            fault = self._take(name)
        if fault is not None and not fault.after:
            raise fault.error
        with self._effect:
            yield
        if fault is not None:
            raise fault.error

    def _take(self, name: str) -> Fault | None:
        queue = self._faults.get(name)
        if not queue:
            return None
        first = queue[0]
        queue[:1] = [replace(first, times=first.times - 1)] if first.times > 1 else []
        return first
