"""Events are hints: none at all, three of each in any order, and forged ones change nothing but the time."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.domain.run import State
from tests.app.life import chats
from tests.reliability.invariants import broken
from tests.reliability.outside import Outside
from tests.reliability.relay import Blob, JobEvent, Relay, Step
from tests.reliability.stories import FIRST

if TYPE_CHECKING:
    from collections import Counter

    from tests.reliability.relay import Event
    from tests.reliability.seen import Seen

UNKNOWN = "support-20261124120000-0a1b2c3d"
MADE = ("jobs.submit", "models.register", "endpoints.create", "endpoints.deploy", "endpoints.set_traffic")
FORGED: list[Event] = [
    Blob("support/never.jsonl"),
    Blob(FIRST, container="prepared"),
    Blob("../../etc/passwd"),
    Blob("support/_SUCCESS"),
    Blob("\x1b[31m/" + "x" * 900),
    JobEvent(f"{UNKNOWN}-a1"),
    JobEvent("happy_road_1"),
    JobEvent(f"{UNKNOWN}-a1", topic="/subscriptions/other/workspaces/other"),
    JobEvent(["a", {"b": 1}]),
    JobEvent("x" * 100_000),
    JobEvent("support-1", status="Failed", kind="child_run_completed"),
    Step(f'{{"run": "{UNKNOWN}"}}'.encode()),
    Step(f'{{"run": "{UNKNOWN}", "wake": 7}}'.encode()),
    Step(b'{"run": "../lanes/support"}'),
    Step(b'{"run": 7}'),
    Step(b"not json"),
    Step(b"\xff\xfe"),
    Step(b"[]"),
]


def live_through(outside: Outside, relay: Relay | None = None, seed: int = 0, copies: int = 0) -> Seen:
    """Drop, and let time pass; events and messages come `copies` times, in an order of chance."""
    outside.life.storage.drops.put(FIRST, chats(), {})
    chance, known = random.Random(seed), list[str]()  # noqa: S311 - guards nothing
    if relay:
        relay.pending += [Blob(FIRST)] * copies
    for _ in range(200):
        if outside.resting():
            break
        if relay:
            _some(outside, relay, chance, known, copies)
        outside.tick()
    assert outside.resting(), {run.name: run.reason for run in outside.runs.values()}
    return outside.a_day_later()


def _some(outside: Outside, relay: Relay, chance: random.Random, known: list[str], copies: int) -> None:
    before = len(relay.pending)
    relay.tell_of_jobs(known)
    relay.collect()
    relay.pending[before:] = relay.pending[before:] * copies
    chance.shuffle(relay.pending)
    for _ in range(chance.randint(0, len(relay.pending))):
        relay.deliver(relay.pending.pop())
        outside.life.at += timedelta(seconds=chance.randint(0, 7))


def effects(outside: Outside) -> Counter[str]:
    """Count the calls that made something."""
    from collections import Counter

    return Counter({name: outside.life.azureml.count(name) for name in MADE})


@pytest.fixture
def undisturbed() -> Counter[str]:
    """The effects of a life whose every event comes once."""
    outside = Outside()
    outside.drop(FIRST, chats())
    while not outside.resting():
        outside.tick()
    return effects(outside)


def test_with_all_events_dropped_it_ends_live_by_timers_alone(undisturbed: Counter[str]) -> None:
    outside = Outside()
    seen = live_through(outside)
    assert [run.state for run in seen.runs.values()] == [State.LIVE]
    assert effects(outside) == undisturbed
    assert broken(seen) == ()


def test_with_every_message_lost_too_the_minute_timer_brings_it_live(undisturbed: Counter[str]) -> None:
    """The timer's own messages come; those that a run sends to itself never do."""
    outside = Outside()
    outside.life.storage.drops.put(FIRST, chats(), {})
    for _ in range(400):
        outside.life.storage.steps.waiting.clear()
        if outside.resting():
            break
        outside.tick()
    assert [run.state for run in outside.runs.values()] == [State.LIVE]
    assert effects(outside) == undisturbed


@pytest.mark.parametrize("seed", range(12))
def test_with_each_event_tripled_and_shuffled_the_effects_are_the_same(
    seed: int, undisturbed: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = Outside()
    seen = live_through(outside, Relay(outside, monkeypatch), seed, copies=3)
    assert [run.state for run in seen.runs.values()] == [State.LIVE]
    assert effects(outside) == undisturbed
    assert broken(seen) == ()


@pytest.mark.parametrize("event", FORGED, ids=[f"{type(e).__name__}-{n}" for n, e in enumerate(FORGED)])
def test_a_forged_event_changes_nothing(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside()
    relay = Relay(outside, monkeypatch)
    outside.drop(FIRST, chats())
    before = dict(outside.seen(settled=False).documents)
    relay.deliver(event)
    relay.collect()
    for message in relay.pending:
        relay.deliver(message)
    assert dict(outside.seen(settled=False).documents) == before
    assert effects(outside)["jobs.submit"] == 1
