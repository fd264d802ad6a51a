"""One limit for a whole call: tries, waiting between them, and every request the SDK makes on the way.

azure-core's own retries know no such limit: they sleep as long as a `Retry-After` says, and its pollers go
on in threads for as long as an operation lasts. All requests go through one kind of transport, which knows
how much time is left, and makes none outside a limit: so a poller that an SDK call started ends at once.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.core import PipelineClient
    from azure.core.pipeline.transport import RequestsTransport

# The last try may wait for a connection and then for an answer: 24 s and 5 s stay below the 30 s of a port.
SECONDS = 24.0
CONNECT = 5.0
READ = 20.0
RETRIES: dict[str, Any] = {"retry_total": 3, "retry_backoff_factor": 0.5, "retry_backoff_max": 4}

_end: ContextVar[float | None] = ContextVar("end", default=None)


class OutOfTime(Exception):
    """The call's limit is reached, or would be by waiting. retry_after: seconds the other side asked for."""

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__("no time left for this call")
        self.retry_after = retry_after


@contextmanager
def within(seconds: float = SECONDS) -> Iterator[None]:
    """Let everything inside end within `seconds`; inside another limit the earlier end counts."""
    outer, mine = _end.get(), time.monotonic() + seconds
    token = _end.set(mine if outer is None else min(outer, mine))
    try:
        yield
    finally:
        _end.reset(token)


def left() -> float:
    """Count the seconds that are left; none outside a limit."""
    end = _end.get()
    return 0.0 if end is None else end - time.monotonic()


@cache
def _kind() -> type[RequestsTransport]:
    from azure.core.pipeline.transport import RequestsTransport

    class Patient(RequestsTransport):  # type: ignore[misc]
        """Waits for nothing longer than the call may still take."""

        def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - azure-core's own overloads
            remaining = left()
            if remaining <= 0:
                raise OutOfTime
            options["connection_timeout"] = min(CONNECT, remaining)
            options["read_timeout"] = min(READ, remaining)
            return super().send(request, **options)

        def sleep(self, duration: float) -> None:
            if duration >= left():
                raise OutOfTime(duration)
            super().sleep(duration)

    return Patient


def transport() -> RequestsTransport:
    """Make a transport, with connections of its own, that keeps to the limits of `within`."""
    return _kind()()


def open_client(**retries: Any) -> PipelineClient[Any, Any]:  # noqa: ANN401 - azure-core's own options
    """Make a client that sends no token and follows our limits, for absolute URLs."""
    from azure.core import PipelineClient
    from azure.core.pipeline.policies import RetryPolicy

    policies = [RetryPolicy(**{**RETRIES, **retries})]
    return PipelineClient("", policies=policies, transport=transport())
