"""Azure Monitor's figures of endpoints, a minute a point: many resources at once where that is allowed.

Microsoft Learn, "Monitor online endpoints": requests have the aggregation Average alone, at a grain of one
minute; a minute without requests has no point; requests and latencies are told by deployment too. What
proves that figures come in is a metric of the deployment, which is a resource of its own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from msgspec.json import Decoder

from shared.adapters.azureml.place import Request
from shared.adapters.metrics_batch import MetricsBatch
from shared.adapters.metrics_wire import READER, Answer, Question, by_dimension
from shared.domain.errors import DroptuneError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.adapters.azureml import AzureMLPlace
    from shared.adapters.metrics_wire import Series

log = logging.getLogger(__name__)
ENDPOINTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
REQUESTS, DEPLOYMENT, STATUS = "RequestsPerMinute", "deployment", "statusCode"
ANSWER: Decoder[Answer] = Decoder(Answer)


class AzureMonitor:
    """`shared.ports.Monitor` over one workspace. url: of the data plane, with `{region}` in it."""

    def __init__(self, place: AzureMLPlace, url: str) -> None:
        self._place = place
        self._batch = MetricsBatch(place, url)

    def requests(
        self, endpoints: Sequence[str], since: datetime, until: datetime
    ) -> Mapping[str, Mapping[str, Mapping[datetime, float]]]:
        """Read requests a minute by endpoint and deployment; an endpoint that cannot be read is absent."""
        paths = {name: _path(name) for name in endpoints}
        question = Question(ENDPOINTS, REQUESTS, since, until, (DEPLOYMENT,))
        found = self._of_many(list(paths.values()), question)
        return {name: by_dimension(found[path], DEPLOYMENT) for name, path in paths.items() if path in found}

    def heartbeats(
        self, deployments: Sequence[tuple[str, str]], since: datetime, until: datetime
    ) -> Mapping[tuple[str, str], Sequence[datetime]]:
        """List the minutes in which each reported its CPU; a deployment that cannot be read is absent."""
        paths = {one: _path(*one) for one in deployments}
        question = Question(f"{ENDPOINTS}/deployments", "CpuUtilizationPercentage", since, until)
        found = self._of_many(list(paths.values()), question)
        return {
            one: sorted({at for series in found[path] for at in series.points()})
            for one, path in paths.items()
            if path in found
        }

    def outcomes(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[int, Mapping[datetime, float]]]:
        """Read requests a minute by deployment and HTTP status; raises Missing without such an endpoint."""
        question = Question(ENDPOINTS, REQUESTS, since, until, (DEPLOYMENT, STATUS))
        found: dict[str, dict[int, dict[datetime, float]]] = {}
        for series in self._of_one(_path(endpoint), question):
            status, points = series.dimension(STATUS), series.points()
            if status.isdecimal() and points:
                by_status = found.setdefault(series.dimension(DEPLOYMENT), {})
                by_status.setdefault(int(status), {}).update(points)
        return found

    def latency(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """Read the seconds in which 95 of 100 requests were answered; Azure Monitor tells milliseconds."""
        question = Question(ENDPOINTS, "RequestLatency_P95", since, until, (DEPLOYMENT,))
        found = by_dimension(self._of_one(_path(endpoint), question), DEPLOYMENT)
        return {name: {at: value / 1000 for at, value in points.items()} for name, points in found.items()}

    def _of_many(self, paths: Sequence[str], question: Question) -> dict[str, list[Series]]:
        """Read several at once, and each by itself of which nothing came back so; one alone is asked plainly.

        So the look right before a deletion is another door's answer than the one that led there.
        """
        found = self._batch.read(paths, question) if len(paths) > 1 else {}
        for path in paths:
            if path in found:
                continue
            try:
                found[path] = self._of_one(path, question)
            except DroptuneError as error:
                log.warning("metrics: %s cannot be read: %s", path, error.problem.message)
        return found

    def _of_one(self, path: str, question: Question) -> list[Series]:
        url = f"{self._place.id}/{path}/providers/Microsoft.Insights/metrics?{urlencode(question.of_one())}"
        what = f"the metrics of {path}"
        return self._place.decoded(Request("GET", url), ANSWER, what, READER).series(what)


def _path(endpoint: str, deployment: str | None = None) -> str:
    path = f"onlineEndpoints/{quote(endpoint, safe='')}"
    return path if deployment is None else f"{path}/deployments/{quote(deployment, safe='')}"
