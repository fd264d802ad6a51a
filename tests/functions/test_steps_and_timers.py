"""The queue's and the timers' triggers: parse, call one use case, return."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import azure.functions as func
import pytest
from azure.functions.timer import TimerRequest

from functions.advance_run import advance_run
from functions.clean_endpoints import clean_endpoints
from functions.reconcile_runs import reconcile_runs
from shared.app.receive import receive
from tests.app.life import chats

if TYPE_CHECKING:
    from tests.app.life import Life


def _received(life: Life) -> str:
    life.storage.drops.put("support/a.jsonl", chats())
    name = receive(life.world, "support/a.jsonl")
    assert name is not None
    return name


def _message(body: object) -> func.QueueMessage:
    return func.QueueMessage(id="1", body=json.dumps(body))


def test_a_hint_advances_its_run(life: Life) -> None:
    name = _received(life)

    advance_run(_message({"run": name}))

    assert life.run(name).state == "training"


def test_the_documents_own_wake_advances_its_run(life: Life) -> None:
    name = _received(life)

    advance_run(_message({"run": name, "wake": life.run(name).wake}))

    assert life.run(name).state == "training"


def test_another_wake_changes_nothing_and_rearms_nothing(life: Life) -> None:
    name = _received(life)
    before = life.run(name)
    life.storage.steps.waiting.clear()

    advance_run(_message({"run": name, "wake": before.wake + 1}))

    assert life.run(name) == before
    assert life.storage.steps.waiting == []


@pytest.mark.parametrize("body", [b"", b"\xff", b"not json", b"[]", b"7", b"{}", b'{"wake": 1}'])
def test_garbage_raises_so_that_it_ends_in_poison(life: Life, body: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        advance_run(func.QueueMessage(id="1", body=body))
    assert life.storage.calls.total() == 0


@pytest.mark.parametrize("past_due", [False, True])
def test_reconciling_wakes_what_is_overdue(life: Life, *, past_due: bool) -> None:
    name = _received(life)
    life.storage.steps.waiting.clear()
    life.at += timedelta(seconds=life.timing.overdue + 1)

    reconcile_runs(TimerRequest(past_due=past_due))

    assert (name, life.run(name).wake) in [(sent.run, sent.wake) for sent in life.storage.steps.waiting]


def test_reconciling_receives_a_drop_whose_event_never_came(life: Life) -> None:
    life.storage.drops.put("support/a.jsonl", chats())
    life.at += timedelta(seconds=life.timing.drop_age + 1)

    reconcile_runs(TimerRequest())

    (run,) = life.ledger.newest(10)
    assert [sent.run for sent in life.storage.steps.waiting] == [run.name]


def test_cleaning_takes_an_endpoint_nobody_used_for_long(life: Life) -> None:
    life.storage.recipes.put("support", "serving: {rollout: [100]}\ncost: {idle_hours: 1, grace_hours: 0}\n")
    run = life.live()
    before = life.at
    life.at += timedelta(hours=2)
    life.azureml.monitor.beat(run.endpoint or "", run.deployment or "", before, life.at)

    clean_endpoints(TimerRequest())

    assert life.run(run.name).state == "retired"


def test_cleaning_leaves_what_was_just_made(life: Life) -> None:
    run = life.live()

    clean_endpoints(TimerRequest())

    assert life.run(run.name).state == "live"
