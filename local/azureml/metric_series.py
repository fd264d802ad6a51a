"""Metrics as series: counts and times by minute, put together by dimensions, no more than asked for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.azureml.clock import stamp
from local.azureml.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.azureml.lives import Count
    from local.azureml.web import Json

_DIMENSIONS: Mapping[str, Callable[[Count], str]] = {
    "deployment": lambda count: count.deployment,
    "statusCode": lambda count: str(count.status),
    "statusCodeClass": lambda count: f"{count.status // 100}xx",
    "modelStatusCode": lambda count: str(count.model_status or ""),
}
# What is told of a minute's times: None: their mean, else so many of a hundred were quicker.
LATENCY = {
    "RequestLatency": None,
    "RequestLatency_P50": 50,
    "RequestLatency_P90": 90,
    "RequestLatency_P95": 95,
    "RequestLatency_P99": 99,
}
Series = dict[tuple[tuple[str, str], ...], dict[int, float]]


@dataclass(frozen=True)
class Asked:
    """What a call wants: metric names, whole minutes since 1970, minutes an entry, dimensions by value.

    most: series of a metric, of each resource.
    """

    metrics: tuple[str, ...]
    first: int
    last: int
    step: int
    wanted: Mapping[str, str]
    most: int


def grouped(counts: list[Count], wanted: Mapping[str, str]) -> Series:
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


def latency(
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


def timeseries(series: Series, asked: Asked) -> list[Json]:
    """Give the series in Azure's shape, no more than asked for; each interval has an entry."""
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
        for dimensions, minutes in list(series.items())[: asked.most]
    ]


def _entry(minutes: Mapping[int, float], start: int, step: int) -> Json:
    values = [minutes[minute] for minute in range(start, start + step) if minute in minutes]
    entry: Json = {"timeStamp": stamp(datetime.fromtimestamp(start * 60, UTC))}
    return {**entry, "average": sum(values) / len(values)} if values else entry
