"""The topic: handshake, filters, retries, dead letters and faults, against real webhooks."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.eventgrid import Faults
from local.processes import free_port
from tests.local.azureml.rig import until
from tests.local.webhooks import BEGIN, KEY, Webhook, event, topic

if TYPE_CHECKING:
    from local.eventgrid import Topic


def subscribed(to: Topic, webhook: Webhook, **filters: Any) -> None:
    to.subscribe("hook", webhook.url, **filters)
    until(lambda: to.subscriptions == ["hook"], 10, "the handshake")


def test_a_webhook_that_echoes_the_code_gets_events_with_topic_and_versions() -> None:
    with Webhook() as webhook, topic() as to:
        subscribed(to, webhook)
        to.publish([event(1)])
        until(lambda: webhook.events, 10, "the event")

        assert webhook.headers == ["SubscriptionValidation", "Notification"]
        assert webhook.events == [
            event(1, topic="/subscriptions/s/topics/t", dataVersion="", metadataVersion="1")
        ]


def test_a_webhook_that_comes_late_is_found() -> None:
    port = free_port(None)
    with topic() as to:
        to.subscribe("hook", f"http://127.0.0.1:{port}/hook?code={KEY}")
        assert to.subscriptions == []
        with Webhook(port=port) as webhook:
            until(lambda: to.subscriptions, 15, "the handshake")
            to.publish([event(1)])
            until(lambda: webhook.ids == ["1"], 10, "the event")


@pytest.mark.parametrize("echo", ['{"validationResponse": "another"}', "no json", "[]", ""])
def test_a_wrong_echo_gets_no_events_and_is_asked_again(echo: str) -> None:
    with Webhook(echo=echo) as webhook, topic() as to:
        to.subscribe("hook", webhook.url)
        until(lambda: webhook.handshakes >= 2, 10, "a second handshake")
        to.publish([event(1)])

        assert to.subscriptions == []
        assert webhook.events == []


def test_filters_go_by_type_and_by_subject_without_regard_to_case() -> None:
    with Webhook() as webhook, topic() as to:
        subscribed(
            to,
            webhook,
            included_event_types=["A.B"],
            subject_begins_with=BEGIN.upper(),
            subject_ends_with=".JSONL",
        )
        to.publish(
            [
                event(1, subject=f"{BEGIN}blobs/a.jsonl"),
                event(2, subject=f"{BEGIN}blobs/a.jsonl", eventType="A.C"),
                event(3, subject="/blobServices/default/containers/datasets-old/blobs/a.jsonl"),
                event(4, subject=f"{BEGIN}blobs/a.txt"),
                event(5, subject=f"{BEGIN}blobs/b.jsonl"),
            ]
        )
        until(lambda: len(webhook.events) == 2, 10, "two events")

        assert sorted(webhook.ids) == ["1", "5"]


def test_a_server_error_is_tried_again_until_it_is_taken() -> None:
    with Webhook([500, 503, 404, 202]) as webhook, topic() as to:
        subscribed(to, webhook)
        to.publish([event(1)])
        until(lambda: len(webhook.events) == 4, 10, "the fourth try")

        assert webhook.ids == ["1"] * 4
        assert list(to.dead_letters) == []


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_what_is_refused_is_never_tried_again(status: int) -> None:
    with Webhook([status]) as webhook, topic() as to:
        subscribed(to, webhook)
        to.publish([event(1)])
        until(lambda: to.dead_letters, 10, "the dead letter")

        (dead,) = to.dead_letters
        assert (dead["id"], dead["deadLetterReason"], dead["deliveryAttempts"]) == ("1", str(status), 1)
        assert webhook.ids == ["1"]


def test_what_nobody_takes_ends_as_a_dead_letter() -> None:
    with Webhook([500] * 99) as webhook, topic(retry_scale=0.00001) as to:
        subscribed(to, webhook)
        to.publish([event(1)])
        until(lambda: to.dead_letters, 10, "the dead letter")

        assert to.dead_letters[0]["deliveryAttempts"] == len(webhook.events) == 8


def test_a_webhook_that_goes_away_gets_the_event_when_it_is_back() -> None:
    port = free_port(None)
    with topic(retry_scale=0.05) as to:
        with Webhook(port=port) as webhook:
            subscribed(to, webhook)
        to.publish([event(1)])
        with Webhook(port=port) as webhook:
            until(lambda: webhook.ids == ["1"], 20, "the event")


def test_a_slow_subscriber_does_not_hold_up_another() -> None:
    with Webhook([500] * 99) as bad, Webhook() as good, topic(retry_scale=1) as to:
        to.subscribe("bad", bad.url)
        to.subscribe("good", good.url)
        until(lambda: to.subscriptions == ["bad", "good"], 10, "both handshakes")
        to.publish([event(number) for number in range(20)])

        until(lambda: len(good.events) == 20, 10, "all events at the good one")


def delays(**faults: float) -> list[list[float]]:
    made = Faults(**faults)  # type: ignore[arg-type] # the seed among them is a whole number
    return [made.schedule() for _ in range(1000)]


def test_faults_are_the_same_for_the_same_seed() -> None:
    shares = {"lose": 0.2, "double": 0.2, "reorder": 0.2}

    assert delays(**shares, seed=7) == delays(**shares, seed=7)
    assert delays(**shares, seed=7) != delays(**shares, seed=8)


def test_faults_strike_in_about_their_share() -> None:
    assert delays() == [[0.0]] * 1000
    assert delays(lose=1) == [[]] * 1000
    assert 150 < sum(not found for found in delays(lose=0.2)) < 250
    assert 150 < sum(len(found) == 2 for found in delays(double=0.2)) < 250
    late = [found for found in delays(reorder=0.2) if found[0] > 0]
    assert 150 < len(late) < 250
    assert all(0.5 <= found[0] <= 3 for found in late)
    assert delays(delay=2) == [[2.0]] * 1000


def test_lost_doubled_and_late_events_arrive_so() -> None:
    with Webhook() as webhook, topic() as to:
        subscribed(to, webhook)
        to.faults = Faults(lose=1)
        to.publish([event(1)])
        to.faults = Faults(reorder=1)
        to.publish([event(2)])
        to.faults = Faults(double=1)
        to.publish([event(3)])
        until(lambda: "2" in webhook.ids, 10, "the late one")

        assert webhook.ids == ["3", "3", "2"]
        assert [told["id"] for told in to.history] == ["1", "2", "3"]


def test_a_webhooks_key_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Webhook([500, 400]) as webhook, topic() as to:
        subscribed(to, webhook)
        to.publish([event(1)])
        until(lambda: to.dead_letters, 10, "the dead letter")
        to.subscribe("gone", f"http://127.0.0.1:{free_port(None)}/?code={KEY}")

    assert "answered the handshake" in caplog.text
    assert KEY not in caplog.text


def test_after_closing_nothing_more_is_sent() -> None:
    with Webhook([500] * 99) as webhook:
        with topic(retry_scale=0.02) as to:
            subscribed(to, webhook)
            to.publish([event(1)])
            until(lambda: webhook.events, 10, "the first try")
        seen = len(webhook.events)
        to.publish([event(2)])

        assert len(webhook.events) == seen
        assert "2" not in webhook.ids


def test_the_topic_needs_no_azure_package() -> None:
    program = "import local.eventgrid, sys; print([name for name in sys.modules if name.startswith('azure')])"
    root = Path(__file__).parents[2]

    out = subprocess.run(
        [sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True
    )

    assert out.stdout.strip() == "[]"
