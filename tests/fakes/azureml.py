"""Azure ML in memory: the ports Jobs, Models, Computes, Endpoints, Monitor and Prices.

A job runs until a test ends it (`fake.jobs.finish(name)`, `fake.jobs.fail(name, error)`); endpoints and
deployments have succeeded at the next look, unless a test holds or fails them. Failures are switched on:
`fake.fail_next("submit", Transient(...))`; with `after=True` the effect happens and the caller sees an error.
The contract suite runs against this as against the real adapters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.ports import Computes, Endpoints, Jobs, Models, Monitor, Prices
from tests.fakes.computes import FakeComputes
from tests.fakes.endpoints import FakeEndpoints, FakeMonitor, FakePrices
from tests.fakes.faults import Faults
from tests.fakes.training import FakeJobs, FakeModels

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from datetime import datetime

PORTS = {
    "jobs": Jobs,
    "models": Models,
    "computes": Computes,
    "endpoints": Endpoints,
    "monitor": Monitor,
    "prices": Prices,
}
CALLS = frozenset(
    f"{name}.{call}" for name, port in PORTS.items() for call in vars(port) if not call.startswith("_")
)


class FakeAzureML:
    """The six fakes over one state. now: the test's clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._faults = Faults(CALLS, whole=True)
        self.jobs = FakeJobs(self._faults, now)
        self.models = FakeModels(self._faults, self.jobs)
        self.computes = FakeComputes(self._faults)
        self.monitor = FakeMonitor(self._faults)
        self.prices = FakePrices(self._faults)
        self.endpoints = FakeEndpoints(self._faults, now, self.models, self.monitor)

    @property
    def calls(self) -> Counter[str]:
        """How often each call was made, by its full name: `jobs.submit`."""
        return self._faults.calls

    def count(self, name: str) -> int:
        return self._faults.calls[self._faults.full(name)]

    def stop_failing(self) -> None:
        """Switch every failure off."""
        self._faults.clear()

    def fail_next(self, name: str, error: Exception, *, times: int = 1, after: bool = False) -> None:
        self._faults.fail_next(name, error, times=times, after=after)
