"""How often a call to storage is tried, within the time it has."""

from __future__ import annotations

import random
from typing import Any

from azure.storage.blob import ExponentialRetry

from shared.adapters.storage.limits import seconds_left

FIRST_PAUSE = 0.4  # seconds; each next one is three times as long
PAUSES = 3


class TimedTries(ExponentialRetry):  # type: ignore[misc]  # Any: mypy does not read azure
    """The SDK's tries, of which the last is the one after which no pause fits into the call's time.

    Storage's own policy sleeps on a wrapper around the transport, which knows no end of the call; and a
    try that is given up keeps its answer, from which errors.py reads when to come again.
    """

    def __init__(self) -> None:
        super().__init__(retry_total=PAUSES)

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Seconds to wait before try number `settings["count"]`, the first being 0."""
        longest: float = FIRST_PAUSE * 3.0 ** (settings["count"] - 1)
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads callers, guards nothing

    def increment(self, settings: dict[str, Any], *request: object, **outcome: object) -> bool:
        """Count a try that failed; say whether another one may follow."""
        again: bool = super().increment(settings, *request, **outcome)
        return again and FIRST_PAUSE * 3.0 ** (settings["count"] - 1) < seconds_left()
