"""How long one call may take, with all its tries: the transport knows when the call must be over."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ServiceRequestTimeoutError
from azure.core.pipeline.transport import RequestsTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL_SECONDS = 25.0  # every call ends within 30 s: the SDK may pause for 2 s where a body breaks off
CONNECT_SECONDS = 5.0
READ_SECONDS = 12.0  # so that a call whose first try hangs has time for a second

_end: ContextVar[float] = ContextVar("end of the call, on the monotonic clock", default=math.inf)


@contextmanager
def ending_in(seconds: float) -> Iterator[None]:
    """Let no request inside last past `seconds` from now, tries and pauses included; limits nest."""
    token = _end.set(min(_end.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _end.reset(token)


def seconds_left() -> float:
    """Seconds until the call that runs must be over; infinite outside `ending_in`."""
    return _end.get() - time.monotonic()


class TimedTransport(RequestsTransport):  # type: ignore[misc]  # Any: mypy does not read azure
    """The SDK's transport, with every wait cut to what is left of the call."""

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - the SDK's own signature
        """Send one try of the call; raises ServiceRequestTimeoutError where its time is over."""
        left = seconds_left()
        if left <= 0:
            raise ServiceRequestTimeoutError("the call's time is over")
        options["connection_timeout"] = min(CONNECT_SECONDS, left)
        options["read_timeout"] = min(READ_SECONDS, left)
        return super().send(request, **options)
