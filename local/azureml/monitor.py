"""Azure Monitor's metrics call for endpoints and deployments, by the emulator's clock.

Each interval of the timespan has an entry; one without data has no `average`, as on Azure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from local.azureml.clock import parse, stamp
from local.azureml.errors import bad_request, missing, unsupported
from local.azureml.records import Deployment, Endpoint
from local.azureml.web import WS, Answer, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.azureml.clock import Clock
    from local.azureml.lives import Count, Lives
    from local.azureml.settings import Settings
    from local.azureml.state import Store
    from local.azureml.web import Call, Json

_METRICS = "providers/Microsoft.Insights/metrics"
_INTERVALS = {
    "PT1M": 1,
    "PT5M": 5,
    "PT15M": 15,
    "PT30M": 30,
    "PT1H": 60,
    "PT6H": 360,
    "PT12H": 720,
    "P1D": 1440,
}
_CONDITION = re.compile(r"\s*(?P<name>\w+)\s+eq\s+'(?P<value>[^']*)'\s*")
_DIMENSIONS: Mapping[str, Callable[[Count], str]] = {
    "deployment": lambda count: count.deployment,
    "statusCode": lambda count: str(count.status),
    "statusCodeClass": lambda count: f"{count.status // 100}xx",
    "modelStatusCode": lambda count: str(count.model_status or ""),
}
# What is told of a minute's times: None: their mean, else so many of a hundred were quicker.
_LATENCY = {
    "RequestLatency": None,
    "RequestLatency_P50": 50,
    "RequestLatency_P90": 90,
    "RequestLatency_P95": 95,
    "RequestLatency_P99": 99,
}
Series = dict[tuple[tuple[str, str], ...], dict[int, float]]


@dataclass(frozen=True)
class Asked:
    """What a call wants: metric names, whole minutes since 1970, minutes an entry, dimensions by value."""

    metrics: tuple[str, ...]
    first: int
    last: int
    step: int
    wanted: Mapping[str, str]


class Monitor:
    """Answers with what the scoring route and the servers' lives have left."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, lives: Lives) -> None:
        """Read `lives`."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._lives = lives

    def ways(self) -> list[Way]:
        """Return the routes: of an endpoint, and of a deployment."""
        endpoint = f"{WS}/onlineEndpoints/{{endpoint}}"
        return [
            Way("GET", f"{endpoint}/{_METRICS}", self._of_endpoint),
            Way("GET", f"{endpoint}/deployments/{{deployment}}/{_METRICS}", self._of_deployment),
        ]

    def _of_endpoint(self, call: Call) -> Answer:
        name = call.path["endpoint"]
        if self._store.get(Endpoint, name) is None:
            raise missing("endpoint", name, code="ResourceNotFound")
        asked = self._asked(call)
        for metric in asked.metrics:
            if metric != "RequestsPerMinute" and metric not in _LATENCY:
                known = ", ".join(("RequestsPerMinute", *_LATENCY))
                raise unsupported(f"metric {metric} of an endpoint; only {known}")
        if call.query.get("aggregation", "Average").lower() != "average":
            raise bad_request("The metrics of an endpoint have only the aggregation Average.")
        times = self._lives.times(name, asked.first, asked.last)
        counts = self._lives.calls(name, asked.first, asked.last)
        series = {
            metric: _latency(times, asked.wanted, _LATENCY[metric])
            if metric in _LATENCY
            else _grouped(counts, asked.wanted)
            for metric in asked.metrics
        }
        unit = "MilliSeconds" if asked.metrics[0] in _LATENCY else "Count"
        return self._answer(call, asked, series, unit)

    def _of_deployment(self, call: Call) -> Answer:
        endpoint, name = call.path["endpoint"], call.path["deployment"]
        deployment = self._store.get(Deployment, f"{endpoint}/{name}")
        if deployment is None:
            raise missing("deployment", f"{endpoint}/{name}", code="ResourceNotFound")
        self._lives.beat()
        asked = self._asked(call)
        minutes = self._lives.minutes(endpoint, name, asked.first, asked.last)
        capacity = float((deployment.resource.get("sku") or {}).get("capacity", 1))
        metrics = {
            "CpuUtilizationPercentage": minutes,
            "DeploymentCapacity": dict.fromkeys(minutes, capacity),
        }
        found: dict[str, Series] = {}
        for metric in asked.metrics:
            if metric not in metrics:
                raise unsupported(f"metric {metric} of a deployment; only {' and '.join(metrics)}")
            dimensions = tuple((key, "instance-0") for key in asked.wanted)
            found[metric] = {dimensions: metrics[metric]} if metrics[metric] else {}
        return self._answer(call, asked, found, "Percent")

    def _asked(self, call: Call) -> Asked:
        interval = call.query.get("interval", "PT1M")
        if interval not in _INTERVALS:
            raise bad_request(f"The interval '{interval}' is none of {', '.join(_INTERVALS)}.")
        start, end = self._timespan(call.query.get("timespan"))
        first, step = int(start.timestamp() // 60), _INTERVALS[interval]
        last = max(first, -int(-end.timestamp() // 60) - 1)
        names = tuple(name for name in call.query.get("metricnames", "").split(",") if name)
        if not names:
            raise bad_request("Say in 'metricnames' which metrics are wanted.")
        return Asked(names, first - first % step, last, step, _filter(call.query.get("$filter", "")))

    def _timespan(self, text: str | None) -> tuple[datetime, datetime]:
        if not text:
            now = self._clock.now()
            return now - timedelta(hours=1), now
        start, _, end = text.replace(" ", "+").partition("/")
        try:
            return parse(start), parse(end)
        except ValueError as error:
            raise bad_request(f"The timespan '{text}' is not START/END in ISO 8601.") from error

    def _answer(self, call: Call, asked: Asked, found: Mapping[str, Series], unit: str) -> Answer:
        resource = call.url.partition("?")[0].removeprefix(self._settings.url).partition(f"/{_METRICS}")[0]
        return Answer(
            body={
                "cost": 0,
                "timespan": call.query.get("timespan", ""),
                "interval": call.query.get("interval", "PT1M"),
                "namespace": call.query.get("metricnamespace", ""),
                "resourceregion": self._settings.place.location,
                "value": [
                    {
                        "id": f"{resource}/{_METRICS}/{name}",
                        "type": "Microsoft.Insights/metrics",
                        "name": {"value": name, "localizedValue": name},
                        "unit": unit,
                        "timeseries": _timeseries(series, asked),
                        "errorCode": "Success",
                    }
                    for name, series in found.items()
                ],
            }
        )


def _filter(text: str) -> dict[str, str]:
    wanted = {}
    for part in re.split(r"\s+and\s+", text) if text.strip() else []:
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise bad_request(f"Filter part '{part}' is not DIMENSION eq 'VALUE', joined by and.")
        wanted[match["name"]] = match["value"]
    return wanted


def _grouped(counts: list[Count], wanted: Mapping[str, str]) -> Series:
    """Sum the counts by minute and by the wanted dimensions; `*` takes every value."""
    unknown = [name for name in wanted if name not in _DIMENSIONS]
    if unknown:
        raise bad_request(
            f"RequestsPerMinute has no dimension '{unknown[0]}'; it has {', '.join(_DIMENSIONS)}."
        )
    series: Series = defaultdict(lambda: defaultdict(float))
    for count in counts:
        values = {name: _DIMENSIONS[name](count) for name in wanted}
        if all(wanted[name] in ("*", value) for name, value in values.items()):
            series[tuple(values.items())][count.minute] += count.count
    return series


def _latency(
    times: Mapping[tuple[str, int], list[float]], wanted: Mapping[str, str], percentile: int | None
) -> Series:
    """Give a minute's latency in milliseconds, by deployment where that is asked for."""
    if wanted.keys() - {"deployment"}:
        raise bad_request(f"Latency has only the dimension deployment; asked for {', '.join(wanted)}.")
    by_series: dict[tuple[tuple[str, str], ...], dict[int, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for (deployment, minute), seconds in times.items():
        if wanted.get("deployment", "*") in ("*", deployment):
            key = (("deployment", deployment),) if wanted else ()
            by_series[key][minute] += seconds
    return {
        key: {minute: 1000 * _of(sorted(seconds), percentile) for minute, seconds in minutes.items()}
        for key, minutes in by_series.items()
    }


def _of(seconds: list[float], percentile: int | None) -> float:
    if percentile is None:
        return sum(seconds) / len(seconds)
    return seconds[min(len(seconds) - 1, len(seconds) * percentile // 100)]


def _timeseries(series: Series, asked: Asked) -> list[Json]:
    if not series and not asked.wanted:
        series = {(): {}}
    return [
        {
            "metadatavalues": [
                {"name": {"value": name, "localizedValue": name}, "value": value}
                for name, value in dimensions
            ],
            "data": [
                _entry(minutes, start, asked.step) for start in range(asked.first, asked.last + 1, asked.step)
            ],
        }
        for dimensions, minutes in series.items()
    ]


def _entry(minutes: Mapping[int, float], start: int, step: int) -> Json:
    values = [minutes[minute] for minute in range(start, start + step) if minute in minutes]
    entry: Json = {"timeStamp": stamp(datetime.fromtimestamp(start * 60, UTC))}
    return {**entry, "average": sum(values) / len(values)} if values else entry
