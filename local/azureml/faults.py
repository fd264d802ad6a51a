"""Errors and delays that tests switch on, and the count of what was called."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from local.azureml.errors import AzureError


@dataclass(frozen=True)
class Fault:
    """Make the next `times` calls whose label matches `route` fail with `status`, after `delay` seconds.

    `route` is a route's label or a pattern with `*`. Status 0 only delays. With `after` the call is
    carried out first and only its answer is replaced, as when a gateway loses the answer.
    """

    route: str
    status: int = 500
    times: int = 1
    delay: float = 0
    code: str = "InternalServerError"
    message: str = "A fault that the admin API switched on."
    retry_after: float | None = None
    after: bool = False

    def error(self) -> AzureError:
        """Return the error this fault answers with."""
        return AzureError(self.status, self.code, self.message)


class Faults:
    """The faults that are on, in the order they were switched on."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switch `fault` on."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._faults.clear()

    def list(self) -> tuple[Fault, ...]:
        """Return those that are on, with the times they have left."""
        with self._lock:
            return tuple(self._faults)

    def take(self, label: str) -> Fault | None:
        """Return the first fault that hits a call of this label, and count it down."""
        with self._lock:
            for place, fault in enumerate(self._faults):
                if not fnmatchcase(label, _pattern(fault.route)):
                    continue
                if fault.times > 1:
                    self._faults[place] = replace(fault, times=fault.times - 1)
                else:
                    del self._faults[place]
                return fault
        return None


def _pattern(route: str) -> str:
    return route.replace("[", "[[]")


class Calls:
    """How often each route was called, or refused, since the start."""

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def note(self, label: str) -> None:
        """Count one call."""
        with self._lock:
            self._counts[label] += 1

    def counts(self) -> dict[str, int]:
        """Return the count by label."""
        with self._lock:
            return dict(sorted(self._counts.items()))
