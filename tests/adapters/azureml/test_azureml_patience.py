"""Every call ends in time, retries and waiting included."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from shared.adapters.azureml import AzureMLEndpoints, AzureMLJobs, AzureMLPlace, patience
from shared.adapters.azureml.errors import mapped
from shared.adapters.azureml.place import Request
from shared.domain.errors import Misconfigured, Missing, Permanent, Transient
from tests.adapters.azureml.https import Reply, Seen, Service, Token, service

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 2.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch, service(tmp_path_factory.mktemp("service"), patch) as made:
        yield made


@pytest.fixture
def azure(running: Service) -> Service:
    running.reset()
    return running


def test_a_job_is_read(azure: Service) -> None:
    azure.answer = lambda _: Reply(
        body={
            "properties": {
                "status": "NotStarted",
                "tags": {"a": "b"},
                "services": {"Studio": {"endpoint": "https://ml.azure.com/runs/x"}},
            },
            "systemData": {"createdAt": "2026-11-24T10:00:00.1234567+00:00"},
        }
    )
    found = AzureMLJobs(azure.place()).find("x")
    assert (found.status, found.tags, found.url) == ("notstarted", {"a": "b"}, "https://ml.azure.com/runs/x")
    assert found.started is not None
    assert found.started.isoformat().startswith("2026-11-24T10:00:00.123456")
    asked = azure.seen[0]
    assert asked.line.startswith("GET /subscriptions/s/resourceGroups/g/providers/")
    assert asked.line.endswith("/workspaces/w/jobs/x?api-version=2024-01-01-preview")
    assert asked.headers["Authorization"] == "Bearer a-token"


def test_a_stumble_is_tried_again(azure: Service) -> None:
    azure.answer = lambda _: Reply(503) if len(azure.seen) < 3 else Reply(body={"properties": {}})
    assert AzureMLJobs(azure.place()).find("x").status == "unknown"
    assert len(azure.seen) == 3


def test_a_service_that_stays_down_is_given_up(azure: Service) -> None:
    azure.answer = lambda _: Reply(500)
    with pytest.raises(Transient) as seen:
        AzureMLJobs(azure.place()).find("x")
    assert seen.value.problem.code == "azureml-unavailable"
    assert len(azure.seen) == 4


def test_a_wait_that_is_too_long_is_handed_on_at_once(azure: Service) -> None:
    azure.answer = lambda _: Reply(429, headers={"Retry-After": "3600"})
    begun = time.monotonic()
    with pytest.raises(Transient) as seen:
        AzureMLJobs(azure.place()).find("x")
    assert seen.value.retry_after == 3600
    assert time.monotonic() - begun < SOON
    assert len(azure.seen) == 1


def test_a_service_that_hangs_is_given_up_in_time(azure: Service) -> None:
    azure.answer = lambda _: Reply(hang=True)
    begun = time.monotonic()
    with patience.within(SOON), pytest.raises(Transient):
        AzureMLJobs(azure.place()).find("x")
    assert time.monotonic() - begun < SOON + 1


def test_the_limit_is_one_for_all_calls_inside(azure: Service) -> None:
    """Each page comes well in time; all of them do not."""

    def slow(_: Seen) -> Reply:
        azure.over.wait(0.7)
        return Reply(body={"value": [], "nextLink": f"{azure.url}/more"})

    azure.answer = slow
    begun = time.monotonic()
    with patience.within(SOON), pytest.raises(Transient, match="no answer in time"):
        list(AzureMLEndpoints(azure.place()).all())
    assert time.monotonic() - begun < SOON + 1
    assert 2 <= len(azure.seen) <= 4


def test_the_earlier_end_counts_where_limits_nest() -> None:
    assert patience.left() == 0
    with patience.within(1):
        with patience.within(60):
            assert 0 < patience.left() <= 1
        with patience.within(0.5):
            assert patience.left() <= 0.5
    assert patience.left() == 0
    assert patience.SECONDS + patience.CONNECT < 30


def test_a_post_that_may_have_arrived_is_not_repeated(azure: Service) -> None:
    azure.answer = lambda _: Reply(502)
    with pytest.raises(Transient):
        azure.place().call(Request("POST", "/x"), "X")
    assert len(azure.seen) == 1


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(body=b"<html>"), Transient),
        (Reply(body=b"{", cut=10), Transient),
        (Reply(404), Missing),
        (Reply(403, {"error": {"code": "AuthorizationFailed", "message": "no"}}), Misconfigured),
        (Reply(401), Misconfigured),
        (Reply(400, {"error": {"code": "UserError", "message": "no"}}), Permanent),
    ],
)
def test_what_a_plain_call_meets_is_translated(
    azure: Service, reply: Reply, expected: type[Exception]
) -> None:
    azure.answer = lambda _: reply
    with patience.within(10), pytest.raises(expected) as seen:
        azure.place().call(Request("GET", "/x"), "X")
    assert type(seen.value) is expected


def test_nobody_listening_is_no_fault_of_the_run(azure: Service) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"https://localhost:{free.getsockname()[1]}"
    place = AzureMLPlace("s", "g", "w", "azureml", "d", url, Token)
    with pytest.raises(Transient, match="no connection"):
        place.call(Request("GET", "/x"), "X")
    assert azure.seen == []


def test_a_missing_bundle_is_a_fault_of_the_installation(
    azure: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with pytest.raises(Misconfigured, match="REQUESTS_CA_BUNDLE"):
        azure.place().call(Request("GET", "/x"), "X")


def test_no_request_is_made_outside_a_limit(azure: Service) -> None:
    """So a thread that the SDK leaves behind, polling, ends at its first look."""
    from azure.core.rest import HttpRequest

    client = patience.open_client()
    with pytest.raises(patience.OutOfTime):
        client.send_request(HttpRequest("GET", azure.url))
    assert azure.seen == []
    with mapped("X"):
        assert client.send_request(HttpRequest("GET", azure.url)).status_code == 404


def test_what_is_made_once_is_made_once_by_many_threads(azure: Service) -> None:
    place, made = azure.place(), []

    def make() -> object:
        azure.over.wait(0.05)
        made.append(object())
        return made[-1]

    threads = [threading.Thread(target=place.once, args=("thing", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(made) == 1


def test_importing_the_adapters_imports_no_sdk_that_is_slow() -> None:
    script = (
        "import sys, shared.adapters.azureml, shared.adapters.monitor, shared.adapters.prices, "
        "shared.adapters.credential;"
        "slow = ('azure.ai.ml', 'azure.identity', 'requests', 'marshmallow');"
        "print([name for name in slow if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
