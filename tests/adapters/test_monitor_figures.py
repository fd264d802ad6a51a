"""Azure Monitor's answers, read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapters.azureml import AzureMLPlace
from shared.adapters.metrics_batch import MetricsBatch
from shared.adapters.metrics_wire import Answers, Question
from shared.adapters.monitor import AzureMonitor
from shared.domain.errors import Misconfigured, Transient
from tests.adapters.azureml.https import Reply, Service, service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.adapters.azureml.place import Request
    from tests.adapters.azureml.https import Seen

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ENDPOINTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"


@pytest.fixture
def azure(tmp_path: Any) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch, service(tmp_path, patch) as made:
        yield made


def series(deployment: str | None, *points: tuple[str, float | None]) -> dict[str, Any]:
    named = [{"name": {"value": "Deployment"}, "value": deployment}] if deployment else []
    data = [{"timeStamp": at, **({} if average is None else {"average": average})} for at, average in points]
    return {"metadatavalues": named, "data": data}


def named(name: str, value: str) -> dict[str, Any]:
    return {"name": {"value": name}, "value": value}


def told(*timeseries: dict[str, Any], error: str = "Success") -> dict[str, Any]:
    return {"value": [{"name": {"value": "X"}, "timeseries": list(timeseries), "errorCode": error}]}


def monitor_at(azure: Service) -> AzureMonitor:
    return AzureMonitor(azure.place(), f"{azure.url}/metrics")


def answering(azure: Service, *timeseries: dict[str, Any]) -> AzureMonitor:
    azure.answer = lambda _: Reply(body=told(*timeseries))
    return monitor_at(azure)


def asked_of(line: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(line.partition(" ")[2]).query)


def test_outcomes_are_read_by_deployment_status_and_minute(azure: Service) -> None:
    made = [
        {"metadatavalues": [named("Deployment", "blue"), named("StatusCode", code)], "data": [point]}
        for code, point in (
            ("200", {"timeStamp": "2026-11-24T11:58:00Z", "average": 4.0}),
            ("503", {"timeStamp": "2026-11-24T11:58:00Z", "average": 1.0}),
            ("", {"timeStamp": "2026-11-24T11:58:00Z", "average": 9.0}),
            ("504", {"timeStamp": "2026-11-24T11:58:00Z"}),
        )
    ]
    found = answering(azure, *made).outcomes("acme", NOON - timedelta(minutes=2), NOON)
    at = NOON - timedelta(minutes=2)
    assert found == {"blue": {200: {at: 4.0}, 503: {at: 1.0}}}
    asked = parse_qs(urlsplit(azure.lines[0].removeprefix("GET ")).query)
    assert asked["$filter"] == ["deployment eq '*' and statusCode eq '*'"]
    assert asked["top"] == ["1000"]


def test_latency_is_read_in_seconds(azure: Service) -> None:
    monitor = answering(azure, series("blue", ("2026-11-24T11:58:00Z", 1500.0)))
    found = monitor.latency("acme", NOON - timedelta(minutes=2), NOON)
    assert found == {"blue": {NOON - timedelta(minutes=2): 1.5}}
    asked = parse_qs(urlsplit(azure.lines[0].removeprefix("GET ")).query)
    assert (asked["metricnames"], asked["aggregation"]) == (["RequestLatency_P95"], ["Average"])


def test_requests_are_read_by_deployment_and_minute(azure: Service) -> None:
    monitor = answering(
        azure,
        series("blue", ("2026-11-24T11:58:00Z", 2.0), ("2026-11-24T11:59:00Z", None)),
        series("green", ("2026-11-24T11:59:00Z", 0.0)),
        series("grey", ("2026-11-24T11:59:00Z", None)),
    )
    assert monitor.requests(["acme"], NOON - timedelta(minutes=2), NOON) == {
        "acme": {"blue": {NOON - timedelta(minutes=2): 2.0}, "green": {NOON - timedelta(minutes=1): 0.0}}
    }
    asked = urlsplit(azure.lines[0].removeprefix("GET "))
    assert asked.path.endswith("/workspaces/w/onlineEndpoints/acme/providers/Microsoft.Insights/metrics")
    assert parse_qs(asked.query) == {
        "api-version": ["2024-02-01"],
        "timespan": ["2026-11-24T11:58:00Z/2026-11-24T12:00:00Z"],
        "interval": ["PT1M"],
        "aggregation": ["Average"],
        "metricnames": ["RequestsPerMinute"],
        "metricnamespace": [ENDPOINTS],
        "$filter": ["deployment eq '*'"],
        "top": ["1000"],
    }


def test_a_heartbeat_is_a_minute_with_a_point(azure: Service) -> None:
    monitor = answering(
        azure,
        series(
            None, ("2026-11-24T11:59:00Z", 0.0), ("2026-11-24T11:58:00Z", 3.5), ("2026-11-24T11:57:00Z", None)
        ),
    )
    found = monitor.heartbeats([("acme", "blue")], NOON - timedelta(minutes=3), NOON)
    assert found == {("acme", "blue"): [NOON - timedelta(minutes=2), NOON - timedelta(minutes=1)]}
    asked = urlsplit(azure.lines[0].removeprefix("GET "))
    assert "/onlineEndpoints/acme/deployments/blue/providers/Microsoft.Insights/metrics" in asked.path
    assert parse_qs(asked.query)["metricnamespace"] == [f"{ENDPOINTS}/deployments"]
    assert "top" not in parse_qs(asked.query)  # it goes with a filter alone


def test_times_are_sent_as_utc(azure: Service) -> None:
    from zoneinfo import ZoneInfo

    monitor = answering(azure)
    zurich = NOON.astimezone(ZoneInfo("Europe/Zurich"))
    assert monitor.requests(["acme"], zurich - timedelta(minutes=1), zurich) == {"acme": {}}
    assert "2026-11-24T11%3A59%3A00Z%2F2026-11-24T12%3A00%3A00Z" in azure.lines[0]


def test_a_refusal_names_the_role_for_metrics(azure: Service) -> None:
    azure.answer = lambda _: Reply(403, {"error": {"code": "AuthorizationFailed", "message": "no"}})
    with pytest.raises(Misconfigured, match="Monitoring Reader"):
        monitor_at(azure).outcomes("acme", NOON - timedelta(hours=1), NOON)


HOUR = timedelta(hours=1)
BATCH = "/metrics/subscriptions/s/metrics:getBatch"
QUESTION = Question(ENDPOINTS, "RequestsPerMinute", NOON - HOUR, NOON, ("deployment",))


def regional(answers: Callable[[list[str]], Reply]) -> Callable[[Seen], Reply]:
    """Answer as a workspace does that says where it is; `answers` gets the ids of a batch."""

    def answer(seen: Seen) -> Reply:
        if BATCH in seen.line:
            return answers(seen.body["resourceids"])
        if "Microsoft.Insights" in seen.line:
            return Reply(body=told(series("blue", ("2026-11-24T11:58:00Z", 7.0))))
        return Reply(body={"location": "East US 2"})

    return answer


def test_many_are_asked_for_in_one_call_of_up_to_fifty(azure: Service) -> None:
    def answers(ids: list[str]) -> Reply:
        point = series("blue", ("2026-11-24T11:58:00Z", 2.0))
        values = [
            {**told(*([point] if id_.endswith("/e7") else [])), "resourceid": id_.upper()} for id_ in ids
        ]
        return Reply(body={"values": values})

    azure.answer = regional(answers)
    names = [f"e{n}" for n in range(60)]
    found = monitor_at(azure).requests(names, NOON - HOUR, NOON)
    assert found == {name: {} for name in names} | {"e7": {"blue": {NOON - timedelta(minutes=2): 2.0}}}
    calls = [seen for seen in azure.seen if BATCH in seen.line]
    assert [len(seen.body["resourceids"]) for seen in calls] == [50, 10]
    assert asked_of(calls[0].line) == {
        "api-version": ["2024-02-01"],
        "starttime": ["2026-11-24T11:00:00Z"],
        "endtime": ["2026-11-24T12:00:00Z"],
        "interval": ["PT1M"],
        "aggregation": ["Average"],
        "metricnames": ["RequestsPerMinute"],
        "metricnamespace": [ENDPOINTS],
        "filter": ["deployment eq '*'"],
        "top": ["1000"],
    }
    assert not any("Microsoft.Insights" in line for line in azure.lines)


def test_the_regions_host_is_asked_with_a_token_for_all_regions() -> None:
    asked: list[Request] = []

    def decoded(_place: AzureMLPlace, request: Request, *_: object) -> Answers:
        asked.append(request)
        return Answers([])

    place = AzureMLPlace("s", "g", "w", "azureml", "d", "https://management.azure.com", lambda: None)
    place.once("workspace", lambda: {"location": "East US 2"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AzureMLPlace, "decoded", decoded)
        MetricsBatch(place, "https://{region}.metrics.monitor.azure.com").read(["a", "b"], QUESTION)
    assert asked[0].path.startswith(
        "https://eastus2.metrics.monitor.azure.com/subscriptions/s/metrics:getBatch?"
    )
    assert asked[0].audience == "https://metrics.monitor.azure.com"


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(403, {"error": {"code": "AuthorizationFailed", "message": "no"}}),
        Reply(404),
        Reply(body={"values": [{"value": []}, 7]}),
    ],
    ids=["forbidden", "no such call", "unreadable"],
)
def test_where_batches_are_refused_each_is_asked_for_by_itself(azure: Service, refusal: Reply) -> None:
    azure.answer = regional(lambda _ids: refusal)
    monitor = monitor_at(azure)
    for _ in range(2):
        found = monitor.requests(["a", "b"], NOON - HOUR, NOON)
        asked = {"blue": {NOON - timedelta(minutes=2): 7.0}}
        assert found == {"a": asked, "b": asked}
    assert sum(BATCH in line for line in azure.lines) == 1  # not tried again in the same sweep
    assert sum("Microsoft.Insights" in line for line in azure.lines) == 4


def test_what_a_batch_leaves_out_is_asked_for_by_itself(azure: Service) -> None:
    azure.answer = regional(
        lambda ids: Reply(body={"values": [{**told(), "resourceid": id_} for id_ in ids if "/b" not in id_]})
    )
    found = monitor_at(azure).requests(["a", "b"], NOON - HOUR, NOON)
    assert found == {"a": {}, "b": {"blue": {NOON - timedelta(minutes=2): 7.0}}}


def test_one_alone_is_asked_for_plainly(azure: Service) -> None:
    azure.answer = regional(lambda _ids: Reply(500))
    monitor_at(azure).requests(["a"], NOON - HOUR, NOON)
    assert not any(BATCH in line for line in azure.lines)


def test_a_metric_that_azure_could_not_read_is_no_quiet(azure: Service) -> None:
    """No series and an error code: no figures are not the figure nought."""
    azure.answer = lambda _: Reply(body=told(error="InternalServerError"))
    assert monitor_at(azure).requests(["acme"], NOON - HOUR, NOON) == {}
    assert monitor_at(azure).heartbeats([("acme", "blue")], NOON - HOUR, NOON) == {}
    with pytest.raises(Transient, match="could not read"):
        monitor_at(azure).latency("acme", NOON - HOUR, NOON)
