"""Azure Monitor's data plane: one metric of up to fifty resources in one call, where that is allowed.

Microsoft Learn, "How to migrate from the metrics API to the getBatch API": a host of each region, a token of
its own, resources of one subscription, region and type. It is a call on the subscription: who has Monitoring
Reader on the resources alone is refused ("Azure Monitor REST API walkthrough", multi resource metrics).
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from msgspec.json import Decoder

from shared.adapters.azureml.place import Request
from shared.adapters.metrics_wire import READER, Answers, Series
from shared.domain.errors import DroptuneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.adapters.azureml import AzureMLPlace
    from shared.adapters.metrics_wire import Question

log = logging.getLogger(__name__)
MOST = 50
PAUSE = 840.0  # seconds in which it is not tried again: until about the next sweep
REGION = "{region}."
ANSWERS: Decoder[Answers] = Decoder(Answers)
Item = TypeVar("Item")


class MetricsBatch:
    """Asks for many resources of one workspace at once. url: the regional host, with `{region}` in it."""

    def __init__(self, place: AzureMLPlace, url: str) -> None:
        self._place, self._url = place, url.rstrip("/")
        self._not_before = 0.0
        self._lock = threading.Lock()

    def read(self, paths: Sequence[str], question: Question) -> dict[str, list[Series]]:
        """Read what can be read so, by path below the workspace; nothing where batches are refused."""
        found: dict[str, list[Series]] = {}
        if time.monotonic() < self._not_before:
            return found
        for some in _in_parts(paths, MOST):
            try:
                found |= self._read(some, question)
            except DroptuneError as error:
                self._pause(error)
                break
        return found

    def _pause(self, error: DroptuneError) -> None:
        """Ask for nothing for a while; of several threads that hear the same, one says it."""
        with self._lock:
            said = time.monotonic() < self._not_before
            self._not_before = time.monotonic() + PAUSE
        if not said:
            log.warning(
                "metrics of many resources at once cannot be read, each is asked for by itself: %s "
                'It takes the role "%s" on the subscription.',
                error.problem.message,
                READER,
            )

    def _read(self, paths: Sequence[str], question: Question) -> dict[str, list[Series]]:
        base = self._url.replace(REGION, f"{self._place.location()}.")
        request = Request(
            "POST",
            f"{base}/subscriptions/{self._place.subscription}/metrics:getBatch?{urlencode(question.of_many())}",
            body={"resourceids": [f"{self._place.id}/{path}" for path in paths]},
            audience=self._url.replace(REGION, ""),
        )
        answers = self._place.decoded(request, ANSWERS, f"the metrics of {len(paths)} resources", READER)
        told = {answer.resourceid.lower(): answer for answer in answers.values}
        ids = {path: f"{self._place.id}/{path}".lower() for path in paths}
        return {path: told[key].series(path) for path, key in ids.items() if key in told}


def _in_parts(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + most] for start in range(0, len(items), most))
