"""Azure Monitor's answers, read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapters.monitor import AzureMonitor
from shared.domain.errors import Misconfigured
from tests.adapters.azureml.https import Reply, Service, service

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def answering(azure: Service, *timeseries: dict[str, Any]) -> AzureMonitor:
    body = {"value": [{"name": {"value": "X"}, "timeseries": list(timeseries)}]}
    azure.answer = lambda _: Reply(body=body)
    return AzureMonitor(azure.place())


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
    assert monitor.requests("acme", NOON - timedelta(minutes=2), NOON) == {
        "blue": {NOON - timedelta(minutes=2): 2.0},
        "green": {NOON - timedelta(minutes=1): 0.0},
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
    }


def test_a_heartbeat_is_a_minute_with_a_point(azure: Service) -> None:
    monitor = answering(
        azure,
        series(
            None, ("2026-11-24T11:59:00Z", 0.0), ("2026-11-24T11:58:00Z", 3.5), ("2026-11-24T11:57:00Z", None)
        ),
    )
    found = monitor.heartbeat("acme", "blue", NOON - timedelta(minutes=3), NOON)
    assert found == [NOON - timedelta(minutes=2), NOON - timedelta(minutes=1)]
    asked = urlsplit(azure.lines[0].removeprefix("GET "))
    assert "/onlineEndpoints/acme/deployments/blue/providers/Microsoft.Insights/metrics" in asked.path
    assert parse_qs(asked.query)["metricnamespace"] == [f"{ENDPOINTS}/deployments"]


def test_times_are_sent_as_utc(azure: Service) -> None:
    from zoneinfo import ZoneInfo

    monitor = answering(azure)
    zurich = NOON.astimezone(ZoneInfo("Europe/Zurich"))
    assert monitor.requests("acme", zurich - timedelta(minutes=1), zurich) == {}
    assert "2026-11-24T11%3A59%3A00Z%2F2026-11-24T12%3A00%3A00Z" in azure.lines[0]


def test_a_refusal_names_the_role_for_metrics(azure: Service) -> None:
    azure.answer = lambda _: Reply(403, {"error": {"code": "AuthorizationFailed", "message": "no"}})
    with pytest.raises(Misconfigured, match="Monitoring Reader"):
        AzureMonitor(azure.place()).requests("acme", NOON - timedelta(hours=1), NOON)
