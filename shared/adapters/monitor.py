"""Azure Monitor's figures of endpoints: the resource manager's metrics call, a minute a point."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shared.adapters.azureml import AzureMLPlace

VERSION = "2024-02-01"
ENDPOINTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"


class AzureMonitor:
    """`shared.ports.Monitor` over one workspace."""

    def __init__(self, place: AzureMLPlace) -> None:
        self._place = place

    def requests(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """Read requests a minute by deployment; a minute without a figure is absent."""
        resource = f"{self._place.id}/onlineEndpoints/{quote(endpoint, safe='')}"
        asked = {
            "metricnames": "RequestsPerMinute",
            "metricnamespace": ENDPOINTS,
            "$filter": "deployment eq '*'",
        }
        found: dict[str, dict[datetime, float]] = {}
        for series in self._series(resource, asked, since, until):
            name = _dimension(series, "deployment")
            found.setdefault(name, {}).update(_points(series))
        return found

    def heartbeat(
        self, endpoint: str, deployment: str, since: datetime, until: datetime
    ) -> Sequence[datetime]:
        """List the minutes in which the deployment reported its CPU."""
        parent = f"{self._place.id}/onlineEndpoints/{quote(endpoint, safe='')}"
        resource = f"{parent}/deployments/{quote(deployment, safe='')}"
        asked = {"metricnames": "CpuUtilizationPercentage", "metricnamespace": f"{ENDPOINTS}/deployments"}
        return sorted(
            {at for series in self._series(resource, asked, since, until) for at in _points(series)}
        )

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
        path = f"{resource}/providers/Microsoft.Insights/metrics?{urlencode(query)}"
        for metric in self._place.call("GET", path, "", "the endpoint's metrics").get("value") or ():
            yield from metric.get("timeseries") or ()


def _points(series: Mapping[str, Any]) -> dict[datetime, float]:
    points = series.get("data") or ()
    return {
        datetime.fromisoformat(point["timeStamp"]): float(point["average"])
        for point in points
        if point.get("average") is not None
    }


def _dimension(series: Mapping[str, Any], name: str) -> str:
    values = series.get("metadatavalues") or ()
    return next((str(v["value"]) for v in values if v["name"]["value"].lower() == name), "")


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
