"""The hook against a resource manager of its own: what it asks for, in which order, what it never shows."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.hooks import subscribe
from shared.domain import subscriptions as wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/func-x"
TOPICS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/systemTopics"
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/stdatax"
ENVIRON = {
    "DROPTUNE_APP_ID": APP,
    "DROPTUNE_DROPS_TOPIC_ID": f"{TOPICS}/drops",
    "DROPTUNE_JOBS_TOPIC_ID": f"{TOPICS}/jobs",
}
KEY = "s3cret-of-the-extension"


class Azure:
    """A resource manager that keeps subscriptions. late: how many looks until the functions are indexed."""

    def __init__(self, late: int = 0, state: str = "Succeeded", *, refuse: bool = False) -> None:
        self.late, self.state, self.refuse = late, state, refuse
        self.asked: list[tuple[str, str]] = []
        self.made: dict[str, Any] = {}

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append((method, path))
        if path == f"{APP}/functions":
            self.late -= 1
            found = ["func-x/dataset_uploaded", "func-x/job_finished"] if self.late < 0 else []
            return 200, {"value": [{"name": name} for name in found]}
        if path == f"{APP}/host/default/listKeys":
            return 200, {"masterKey": "m", "systemKeys": {"blobs_extension": KEY}}
        if path == APP:
            return 200, {"properties": {"defaultHostName": "func-x.azurewebsites.net"}}
        if path == f"{TOPICS}/drops":
            return 200, {"properties": {"source": ACCOUNT}}
        if method == "PUT" and self.refuse:
            return 400, {"error": {"message": f"no handshake with https://x?code={KEY}&a=b"}}
        if method == "PUT":
            self.made[path] = body
            return 201, body
        return 200, {"properties": {**self.made[path]["properties"], "provisioningState": self.state}}


@contextmanager
def serving(azure: Azure) -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Authorization"] == "Bearer t"
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = azure.answer(
                self.command, self.path.partition("?")[0], json.loads(data or b"null")
            )
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET  # noqa: N815 - http.server's own names
        do_PUT = do_GET  # noqa: N815

        def log_message(self, *_args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield subscribe.Arm(f"http://127.0.0.1:{server.server_port}", "t")
    finally:
        server.shutdown()
        server.server_close()


def test_both_subscriptions_are_made_and_are_as_the_doctor_wants_them() -> None:
    azure = Azure()
    with serving(azure) as arm:
        said = subscribe.subscribe(arm, ENVIRON, lambda _seconds: None)
    assert len(said) == 2
    for one, topic in ((wanted.DROPS, "drops"), (wanted.JOBS, "jobs")):
        made = azure.made[f"{TOPICS}/{topic}/eventSubscriptions/{one.name}"]
        made["properties"]["provisioningState"] = "Succeeded"
        assert wanted.faults(one, made, APP, "func-x.azurewebsites.net") == []


def test_the_drops_filter_has_its_trailing_slash_and_only_whole_files() -> None:
    found = wanted.filter_of(wanted.DROPS)
    assert found["subjectBeginsWith"] == "/blobServices/default/containers/datasets/"
    (only,) = found["advancedFilters"]
    assert only["key"] == "data.api"
    assert "CreateFile" not in only["values"]


def test_what_cannot_be_delivered_is_kept() -> None:
    body = wanted.body(wanted.JOBS, {}, ACCOUNT)["properties"]["deadLetterWithResourceIdentity"]
    assert body["identity"] == {"type": "SystemAssigned"}
    assert body["deadLetterDestination"]["properties"] == {
        "resourceId": ACCOUNT,
        "blobContainerName": "dead-letters",
    }


def test_it_waits_for_the_functions_and_may_be_run_again() -> None:
    azure, slept = Azure(late=3), list[float]()
    with serving(azure) as arm:
        first = subscribe.subscribe(arm, ENVIRON, slept.append)
        made = dict(azure.made)
        assert subscribe.subscribe(arm, ENVIRON, slept.append) == first
    assert slept == [10.0] * 3
    assert azure.made == made
    assert azure.asked.index(("POST", f"{APP}/host/default/listKeys")) == 4


def test_functions_that_never_come_end_it_with_the_place_to_look() -> None:
    with serving(Azure(late=1000)) as arm, pytest.raises(subscribe.Refused, match="log stream"):
        subscribe.subscribe(arm, ENVIRON, lambda _seconds: None)


def test_a_subscription_that_fails_is_no_success() -> None:
    with serving(Azure(state="Failed")) as arm, pytest.raises(subscribe.Refused, match="is Failed"):
        subscribe.subscribe(arm, ENVIRON, lambda _seconds: None)


def test_no_key_is_ever_shown() -> None:
    with serving(Azure()) as arm:
        assert KEY not in "\n".join(subscribe.subscribe(arm, ENVIRON, lambda _seconds: None))
    with serving(Azure(refuse=True)) as arm, pytest.raises(subscribe.Refused) as caught:
        subscribe.subscribe(arm, ENVIRON, lambda _seconds: None)
    assert KEY not in str(caught.value)
    assert "no handshake" in str(caught.value)
    assert caught.value.__cause__ is None
    assert subscribe.safe(f'{{"masterKey": "{KEY}", "a": 1}}') == '{"masterKey": "…", "a": 1}'


def test_without_azds_values_it_says_how_to_run_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert subscribe.main({}) == 1
    assert "azd hooks run postdeploy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"filter": {"subjectBeginsWith": "/blobServices/default/containers/datasets"}}, "subject begins"),
        ({"filter": {"advancedFilters": []}}, "filters data.api by nothing"),
        ({"filter": {"includedEventTypes": ["Microsoft.Storage.BlobDeleted"]}}, "BlobCreated through"),
        (
            {"destination": {"properties": {"endpointBaseUrl": "https://other.net/runtime/webhooks/blobs"}}},
            "lead",
        ),
        ({"deadLetterWithResourceIdentity": None}, "drops what it cannot deliver"),
        ({"provisioningState": "AwaitingManualAction"}, "state is AwaitingManualAction"),
    ],
)
def test_each_thing_that_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    host = "func-x.azurewebsites.net"
    right = wanted.body(
        wanted.DROPS, {"properties": {"endpointUrl": wanted.webhook(host, "dataset_uploaded")}}, "a"
    )
    properties = {**right["properties"], "provisioningState": "Succeeded"}
    assert wanted.faults(wanted.DROPS, {"properties": properties}, APP, host) == []
    for key, value in change.items():
        properties[key] = {**properties[key], **value} if key == "filter" else value
    (fault,) = wanted.faults(wanted.DROPS, {"properties": properties}, APP, host)
    assert said in fault


def test_no_page_tells_people_to_run_it_without_what_azd_hands_it() -> None:
    """By itself it finds no settings, and says: Run it through azd."""
    for page in (Path(__file__).parents[2] / "docs").rglob("*.md"):
        assert "python3 infra/hooks/subscribe.py" not in page.read_text("utf-8"), page
