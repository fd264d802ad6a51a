"""Notices through the real packages: the story as a subscriber hears it, and people's channels."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from local.eventgrid.admin import serve_admin
from shared.adapters.notices import Apprise, EventGridTopic
from shared.app.sweep import sweep
from shared.domain import events
from shared.domain.errors import DroptuneError
from tests.app.life import Life
from tests.app.test_sweep import SHORT, pass_hours
from tests.domain.builders import run as a_run
from tests.local.azureml.rig import until
from tests.local.webhooks import Webhook, topic

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def heard() -> Iterator[tuple[EventGridTopic, Webhook]]:
    """A topic at the relay, and a subscriber to it."""
    with topic() as relay, Webhook() as hook:
        server = serve_admin(relay, 0)
        relay.subscribe("all", hook.url, subject_begins_with="")
        until(lambda: relay.subscriptions, 10, "the subscriber answers")
        yield EventGridTopic(f"http://127.0.0.1:{server.server_port}/api/events", "key", lambda: None), hook
        server.shutdown()
        server.server_close()


def test_a_subscriber_hears_the_whole_story_once_and_in_order_by_sequence(
    heard: tuple[EventGridTopic, Webhook],
) -> None:
    to, hook = heard
    life = Life()
    life.world = replace(life.world, topic=to)
    life.storage.recipes.put("support", SHORT)
    run = life.live()
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    until(lambda: len(hook.events) >= 11, 20, "all events came")
    of_run = sorted(
        (event for event in hook.events if event["subject"] == f"runs/{run.name}"),
        key=lambda event: str(event["sequence"]),
    )
    told = [event["data"]["state"] for event in of_run]
    assert told == [str(change.state) for change in life.run(run.name).history]
    swept = [event for event in hook.events if event["type"].startswith("droptune.sweep.")]
    assert [(event["type"], event["data"]["rule"]) for event in swept] == [("droptune.sweep.taken", "idle")]
    assert {event["specversion"] for event in hook.events} == {"1.0"}
    before = list(hook.ids)
    assert len(before) == len(set(before)) == 11
    to.publish(events.of_run(life.run(run.name), "tests"))
    until(lambda: len(hook.events) >= 21, 20, "the second delivery came")
    assert set(hook.ids) == set(before)


def test_a_topic_that_refuses_or_is_away_raises_our_errors() -> None:
    told = events.of_run(a_run(), "tests")
    with pytest.raises(DroptuneError, match="the events topic"):
        EventGridTopic("http://127.0.0.1:9/api/events", "key", lambda: None).publish(told)
    EventGridTopic("", "", lambda: None).publish(told)


class Heard(BaseHTTPRequestHandler):
    """Takes whatever apprise posts."""

    bodies: ClassVar[list[bytes]]
    status = 200

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


def test_people_are_told_through_apprise_and_no_address_is_ever_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class handler(Heard):  # noqa: N801 - of this test alone
        bodies: ClassVar[list[bytes]] = []

    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"json://127.0.0.1:{server.server_port}/secret-token"
    people = Apprise({"CHAT": url, "WRONG": "no-such-scheme://secret-token"})
    assert people.tell(["CHAT"], "Droptune: support live", "all the traffic") == {}
    assert b"Droptune: support live" in handler.bodies[0]
    faults = people.tell(["NOWHERE", "WRONG"], "t", "b")
    assert faults == {
        "NOWHERE": "the setting NOWHERE is not set",
        "WRONG": "what WRONG names did not take the notice",
    }
    handler.status = 500
    assert people.tell(["CHAT"], "t", "b") == {"CHAT": "what CHAT names did not take the notice"}
    assert "secret-token" not in caplog.text
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_what_a_reason_quotes_is_no_mark_up_in_any_channel(kind: str) -> None:
    """A rejected drop's reason names its file, and whoever may drop one chooses that name."""

    class handler(Heard):  # noqa: N801 - of this test alone
        bodies: ClassVar[list[bytes]] = []

    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    people = Apprise({"CHAT": f"json://127.0.0.1:{server.server_port}/?format={kind}"})
    hostile = "The blob 'support/<img src=x>[log in](https://evil.example).csv' has an unknown ending"
    assert people.tell(["CHAT"], "Droptune: support rejected", hostile) == {}
    said = json.loads(handler.bodies[0])["message"]
    assert "<img src=x>" not in said
    assert kind == "html" or "[log in](https" not in said
    server.shutdown()
    server.server_close()


def test_a_mail_is_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    class Smtp:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def login(self, *_: Any) -> None: ...

        def sendmail(self, _from: str, _to: list[str], message: str) -> None:
            sent.append(message)

        def quit(self) -> None: ...

    monkeypatch.setattr("smtplib.SMTP", Smtp)
    assert Apprise({"MAIL": "mailto://u:p@mail.example"}).tell(["MAIL"], "t", "one <b>\ntwo") == {}
    assert "text/plain" in sent[0]
    assert "text/html" not in sent[0]
