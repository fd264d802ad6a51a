"""Azure Monitor's figures of endpoints: the resource manager's metrics call, a minute a point.

Microsoft Learn, "Monitor online endpoints": requests have the aggregation Average alone, at a grain of one
minute; a minute without requests has no point; requests and latencies are told by deployment too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from shared.adapters.azureml.place import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shared.adapters.azureml import AzureMLPlace

VERSION = "2024-02-01"
ENDPOINTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
READER = "Monitoring Reader"


class AzureMonitor:
    """`shared.ports.Monitor` over one workspace."""

    def __init__(self, place: AzureMLPlace) -> None:
        self._place = place

    def requests(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """Read requests a minute by deployment; raises Missing where there is no such endpoint."""
        return self._by_deployment(endpoint, "RequestsPerMinute", since, until)

    def outcomes(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[int, Mapping[datetime, float]]]:
        """Read requests a minute by deployment and HTTP status; raises Missing without such an endpoint."""
        asked = {"metricnames": "RequestsPerMinute", "$filter": "deployment eq '*' and statusCode eq '*'"}
        found: dict[str, dict[int, dict[datetime, float]]] = {}
        for series in self._of_endpoint(endpoint, asked, since, until):
            status, points = _dimension(series, "statuscode"), _points(series)
            if status.isdecimal() and points:
                by_status = found.setdefault(_dimension(series, "deployment"), {})
                by_status.setdefault(int(status), {}).update(points)
        return found

    def latency(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """Read the seconds in which 95 of 100 requests were answered; Azure Monitor tells milliseconds."""
        found = self._by_deployment(endpoint, "RequestLatency_P95", since, until)
        return {name: {at: value / 1000 for at, value in points.items()} for name, points in found.items()}

    def heartbeat(
        self, endpoint: str, deployment: str, since: datetime, until: datetime
    ) -> Sequence[datetime]:
        """List the minutes in which the deployment reported its CPU; raises Missing where there is none."""
        resource = f"onlineEndpoints/{quote(endpoint, safe='')}/deployments/{quote(deployment, safe='')}"
        asked = {"metricnames": "CpuUtilizationPercentage", "metricnamespace": f"{ENDPOINTS}/deployments"}
        series = self._series(resource, asked, since, until)
        return sorted({at for one in series for at in _points(one)})

    def _by_deployment(
        self, endpoint: str, metric: str, since: datetime, until: datetime
    ) -> dict[str, dict[datetime, float]]:
        asked = {"metricnames": metric, "$filter": "deployment eq '*'"}
        found: dict[str, dict[datetime, float]] = {}
        for series in self._of_endpoint(endpoint, asked, since, until):
            points = _points(series)
            if points:
                found.setdefault(_dimension(series, "deployment"), {}).update(points)
        return found

    def _of_endpoint(
        self, endpoint: str, asked: Mapping[str, str], since: datetime, until: datetime
    ) -> Iterator[Mapping[str, Any]]:
        resource = f"onlineEndpoints/{quote(endpoint, safe='')}"
        return self._series(resource, {"metricnamespace": ENDPOINTS, **asked}, since, until)

    def _series(
        self, resource: str, asked: Mapping[str, str], since: datetime, until: datetime
    ) -> Iterator[Mapping[str, Any]]:
        query = {
            "api-version": VERSION,
            "timespan": f"{_utc(since)}/{_utc(until)}",
            "interval": "PT1M",
            "aggregation": "Average",
            **asked,
        }
        path = f"{self._place.id}/{resource}/providers/Microsoft.Insights/metrics?{urlencode(query)}"
        answer = self._place.call(Request("GET", path), f"the metrics of {resource}", READER)
        for metric in answer.get("value") or ():
            yield from metric.get("timeseries") or ()


def _points(series: Mapping[str, Any]) -> dict[datetime, float]:
    return {
        datetime.fromisoformat(point["timeStamp"]): float(point["average"])
        for point in series.get("data") or ()
        if point.get("average") is not None
    }


def _dimension(series: Mapping[str, Any], name: str) -> str:
    values = series.get("metadatavalues") or ()
    return next((str(one["value"]) for one in values if one["name"]["value"].lower() == name), "")


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
