"""The queue of runs to look at."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from shared.adapters.storage.errors import SENDER
from shared.adapters.storage.place import RUN_STEPS

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

    from shared.adapters.storage.place import StoragePlace

LONGEST = 7 * 86_400
NEVER = -1


class QueueSteps:
    """`shared.ports.Steps` over the queue `run-steps`."""

    def __init__(self, place: StoragePlace) -> None:
        self._place = place
        self._client: QueueClient | None = None

    def send(self, run: str, *, wake: int | None = None, delay: float = 0) -> None:
        """Send `{"run": …, "wake": …}`, visible after `delay` seconds, rounded up; a hint has no wake.

        The queue delays by seven days at most. A message never expires: a run would be forgotten with it.
        """
        if self._client is None:
            self._client = self._place.queue(RUN_STEPS)
        step = {"run": run} if wake is None else {"run": run, "wake": wake}
        seconds = min(max(math.ceil(delay), 0), LONGEST)
        with self._place.call(f"the queue {RUN_STEPS}", SENDER):
            self._client.send_message(json.dumps(step), visibility_timeout=seconds, time_to_live=NEVER)
