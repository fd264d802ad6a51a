"""Azure Monitor's metrics of endpoints and deployments, by the emulator's clock, through both of its doors.

One resource is asked by the resource manager's call, up to fifty by the data plane's `metrics:getBatch`,
which wants a token of its own (Microsoft Learn, "How to migrate from the metrics API to the getBatch API").
Each interval of the timespan has an entry; one without data has no `average`, as on Azure. A metric that is
split has ten series a resource unless `top` says more.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from local.azureml.clock import parse
from local.azureml.errors import AzureError, bad_request, missing, unsupported
from local.azureml.metric_series import LATENCY, Asked, Series, grouped, latency, timeseries
from local.azureml.records import Deployment, Endpoint
from local.azureml.web import WS, Answer, Way

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.azureml.clock import Clock
    from local.azureml.lives import Lives
    from local.azureml.settings import Settings
    from local.azureml.state import Store
    from local.azureml.web import Call, Json

_METRICS = "providers/Microsoft.Insights/metrics"
_BATCH = "/metrics"  # below the emulator's address; on Azure a host of each region
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
_RESOURCE = re.compile(r"(?i)/onlineEndpoints/(?P<endpoint>[^/]+)(/deployments/(?P<deployment>[^/]+))?")
_MOST_RESOURCES = 50
_MOST_SERIES = 10


class Monitor:
    """Answers with what the scoring route and the servers' lives have left."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, lives: Lives) -> None:
        """Read `lives`."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._lives = lives

    def ways(self) -> list[Way]:
        """Return the routes: of an endpoint, of a deployment, and of many."""
        endpoint = f"{WS}/onlineEndpoints/{{endpoint}}"
        many = f"{_BATCH}/subscriptions/{{subscription}}/metrics:getBatch"
        audience = f"{self._settings.url}{_BATCH}"
        return [
            Way("GET", f"{endpoint}/{_METRICS}", self._of_one),
            Way("GET", f"{endpoint}/deployments/{{deployment}}/{_METRICS}", self._of_one),
            Way("POST", many, self._of_many, audience=audience),
        ]

    def _of_one(self, call: Call) -> Answer:
        start, end = self._timespan(call.query.get("timespan"))
        asked = _asked(call, "$filter", start, end)
        id_ = call.url.partition("?")[0].removeprefix(self._settings.url).partition(f"/{_METRICS}")[0]
        series = self._series(call, asked, call.path["endpoint"], call.path.get("deployment"))
        told = self._told(call, asked, id_, series)
        return Answer(body={"timespan": call.query.get("timespan", ""), **told})

    def _of_many(self, call: Call) -> Answer:
        for key in ("api-version", "metricnamespace", "metricnames", "starttime", "endtime"):
            if key not in call.query:
                raise bad_request(f"The query parameter '{key}' is missing.")
        start, end = (_time(call.query[key]) for key in ("starttime", "endtime"))
        asked = _asked(call, "filter", start, end)
        values = []
        for id_, place in self._resources(call).items():
            try:
                series = self._series(call, asked, *place)
            except AzureError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                series = {name: {} for name in asked.metrics}  # this door knows figures, not resources
            values.append({**self._told(call, asked, id_, series), "resourceid": id_})
        span = {key: call.query[key] for key in ("starttime", "endtime")}
        return Answer(body={"values": [{**span, **value} for value in values]})

    def _resources(self, call: Call) -> dict[str, tuple[str, str | None]]:
        """Read the body's ids: of one workspace here, so of one subscription and region, and of one type."""
        ids, workspace = call.json().get("resourceids"), self._settings.place.id
        if not isinstance(ids, list) or not 0 < len(set(ids)) <= _MOST_RESOURCES:
            raise bad_request(f"'resourceids' must be a list of 1 to {_MOST_RESOURCES} ids.")
        found: dict[str, tuple[str, str | None]] = {}
        for id_ in map(str, ids):
            match = _RESOURCE.fullmatch(id_[len(workspace) :])
            if match is None or not id_.lower().startswith(workspace.lower()):
                raise unsupported(f"metrics of {id_}; only of this workspace's endpoints and deployments")
            found[id_] = (match["endpoint"], match["deployment"])
        if len({deployment is None for _endpoint, deployment in found.values()}) > 1:
            raise bad_request("All resources of a batch must be of one type.")
        return found

    def _series(
        self, call: Call, asked: Asked, endpoint: str, deployment: str | None
    ) -> Mapping[str, Series]:
        if deployment is None:
            return self._of_endpoint(call, asked, endpoint)
        return self._of_deployment(asked, endpoint, deployment)

    def _told(self, call: Call, asked: Asked, id_: str, series: Mapping[str, Series]) -> Json:
        return {
            "cost": 0,
            "interval": call.query.get("interval", "PT1M"),
            "namespace": call.query.get("metricnamespace", ""),
            "resourceregion": self._settings.place.location,
            "value": [_metric(id_, name, series[name], asked) for name in asked.metrics],
        }

    def _of_endpoint(self, call: Call, asked: Asked, name: str) -> Mapping[str, Series]:
        if self._store.get(Endpoint, name) is None:
            raise missing("endpoint", name, code="ResourceNotFound")
        for metric in asked.metrics:
            if metric != "RequestsPerMinute" and metric not in LATENCY:
                known = ", ".join(("RequestsPerMinute", *LATENCY))
                raise unsupported(f"metric {metric} of an endpoint; only {known}")
        if call.query.get("aggregation", "Average").lower() != "average":
            raise bad_request("The metrics of an endpoint have only the aggregation Average.")
        times = self._lives.times(name, asked.first, asked.last)
        counts = self._lives.calls(name, asked.first, asked.last)
        return {
            metric: latency(times, asked.wanted, LATENCY[metric])
            if metric in LATENCY
            else grouped(counts, asked.wanted)
            for metric in asked.metrics
        }

    def _of_deployment(self, asked: Asked, endpoint: str, name: str) -> Mapping[str, Series]:
        deployment = self._store.get(Deployment, f"{endpoint}/{name}")
        if deployment is None:
            raise missing("deployment", f"{endpoint}/{name}", code="ResourceNotFound")
        self._lives.beat()
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
        return found

    def _timespan(self, text: str | None) -> tuple[datetime, datetime]:
        if not text:
            now = self._clock.now()
            return now - timedelta(hours=1), now
        start, _, end = text.replace(" ", "+").partition("/")
        return _time(start), _time(end)


def _asked(call: Call, filtered_by: str, start: datetime, end: datetime) -> Asked:
    interval = call.query.get("interval", "PT1M")
    if interval not in _INTERVALS:
        raise bad_request(f"The interval '{interval}' is none of {', '.join(_INTERVALS)}.")
    first, step = int(start.timestamp() // 60), _INTERVALS[interval]
    last = max(first, -int(-end.timestamp() // 60) - 1)
    names = tuple(name for name in call.query.get("metricnames", "").split(",") if name)
    if not names:
        raise bad_request("Say in 'metricnames' which metrics are wanted.")
    wanted = _filter(call.query.get(filtered_by, ""))
    top = call.query.get("top", str(_MOST_SERIES))
    if not top.isdecimal() or ("top" in call.query and not wanted):
        raise bad_request("'top' must be a number, and goes with a filter alone.")
    return Asked(names, first - first % step, last, step, wanted, int(top))


def _time(text: str) -> datetime:
    try:
        return parse(text)
    except ValueError as error:
        raise _no_time(text) from error


def _no_time(text: str) -> AzureError:
    return bad_request(f"The time '{text}' is not in ISO 8601; a timespan is START/END.")


def _metric(id_: str, name: str, series: Series, asked: Asked) -> Json:
    units = {"CpuUtilizationPercentage": "Percent", **dict.fromkeys(LATENCY, "MilliSeconds")}
    return {
        "id": f"{id_}/{_METRICS}/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "unit": units.get(name, "Count"),
        "timeseries": timeseries(series, asked),
        "errorCode": "Success",
    }


def _filter(text: str) -> dict[str, str]:
    wanted = {}
    for part in re.split(r"\s+and\s+", text) if text.strip() else []:
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise bad_request(f"Filter part '{part}' is not DIMENSION eq 'VALUE', joined by and.")
        wanted[match["name"]] = match["value"]
    return wanted
