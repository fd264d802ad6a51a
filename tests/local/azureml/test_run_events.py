"""Events of runs: to whom they go, what they say, how they go wrong."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.azureml.flow import submit, wait_for
from tests.local.azureml.rig import WS, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator


class Webhook:
    """A subscriber that does the handshake and keeps what it is sent."""

    def __init__(self) -> None:
        events: list[dict[str, Any]] = []
        self.events = events

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                code = sent[0]["data"].get("validationCode")
                events.extend([] if code else sent)
                body = json.dumps({"validationResponse": code} if code else {}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?code=secret-key"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


def test_events_tell_of_jobs_and_steps(
    make_emulator: Callable[..., Emulator], webhook: Webhook, storage: Storage
) -> None:
    assert storage
    emulator = make_emulator("--subscribe", f"app={webhook.url}")
    until(lambda: "answered the handshake" in emulator.log(), 20, "the handshake is done")
    submit(emulator, "told")

    def completed() -> list[dict[str, Any]]:
        ended = "Microsoft.MachineLearningServices.RunCompleted"
        return [event for event in webhook.events if event["eventType"] == ended]

    until(lambda: len(completed()) == 6, 30, "five steps and the job are completed")
    (job,) = (event for event in completed() if event["data"]["runId"] == "told")
    assert job["subject"] == f"experiments/{job['data']['experimentId']}/runs/told"
    assert job["data"]["experimentName"] == "exp"
    assert job["data"]["runTags"] == {"a": "b"}
    assert job["data"]["runProperties"]["azureml.runsource"] == "azureml.PipelineRun"
    assert (job["data"]["runType"], job["topic"]) == (None, WS)
    changed = [
        event["data"].get("runStatus") for event in webhook.events if event["subject"].endswith("/told")
    ]
    assert {"Preparing", "Running", "Finalizing", "Completed"} <= set(changed)
    assert "secret-key" not in emulator.log()
    assert "secret-key" not in json.dumps(emulator.admin("GET", "subscriptions"))


def test_failures_can_be_kept_quiet(make_emulator: Callable[..., Emulator], storage: Storage) -> None:
    assert storage
    emulator = make_emulator("--quiet-failures")
    submit(emulator, "quiet", {"seed": "1"})
    wait_for(emulator, "quiet", "Failed")
    told = [event["data"].get("runStatus") for event in emulator.admin("GET", "events")]
    assert "Running" in told
    assert "Failed" not in told


def test_delivery_of_events_can_go_wrong(emulator: Emulator) -> None:
    assert emulator.admin("POST", "events/faults", json={"lose": 1.0}) is None
    assert emulator.admin("POST", "events/faults", json={}) is None
    answer = emulator.client().post(f"{emulator.url}/admin/events/faults", json={"explode": 1})
    assert (answer.status_code, "explode" in answer.text) == (400, True)
