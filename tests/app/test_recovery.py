"""Events lost, workers dead, markers adrift: time alone brings every run on."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from shared.app import views
from shared.app.advance import advance
from shared.app.claim import ClaimLost, Work, take
from shared.app.daily import daily
from shared.app.ledger import Unreadable
from shared.app.people import hint_job
from shared.app.receive import receive
from shared.app.reconcile import reconcile
from shared.domain.errors import Changed, Misconfigured, Transient
from shared.domain.run import VERSION, Claim, State
from tests.app.life import Life, chats

UNREADABLE = [b'{"version": 99, "what": "ever"}', b'{"version": 1}', b"not json", b"\xff", b""]


def received(life: Life) -> str:
    """Drop a file whose run is received, and not looked at yet."""
    life.storage.drops.put("support/a.jsonl", chats(), {})
    name = receive(life.world, "support/a.jsonl")
    assert name is not None
    return name


def taken_over(life: Life, name: str) -> Work:
    """Give the work of one whose claim ran out, and is another's now."""
    slow = take(life.world, life.ledger, life.ledger.load(name), 10)
    life.at += timedelta(seconds=11)
    take(life.world, life.ledger, life.ledger.load(name), 10)
    return slow


def test_a_drop_whose_event_was_lost_is_found_by_the_listing() -> None:
    life = Life()
    drop = life.storage.drops.put("support/a.jsonl", chats(), {})
    life.tick(60)
    assert list(life.ledger.runs()) == []
    for _ in range(6):
        life.tick(60)
    assert list(life.ledger.runs()) == [drop.run]


def test_a_lost_message_is_sent_again_by_the_minute_timer() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.storage.steps.take()
    life.at += timedelta(minutes=10)
    life.storage.steps.take()  # all lost
    life.azureml.jobs.finish(f"{name}-a1", {"eval_loss": 1})
    reconcile(life.world, life.timing)
    life.deliver()
    assert life.run(name).state is not State.TRAINING


def test_a_living_claim_is_left_alone_and_a_dead_one_taken_over() -> None:
    life = Life()
    name = received(life)
    held = life.ledger.load(name)
    claim = Claim("another", life.at + timedelta(seconds=100))
    life.ledger.save(held, replace(held.run, claim=claim))
    advance(life.world, life.timing, name)
    assert life.run(name).state is State.RECEIVED
    life.at += timedelta(seconds=101)
    advance(life.world, life.timing, name)
    assert life.run(name).state is not State.RECEIVED


def test_a_worker_whose_claim_was_taken_over_writes_nothing_more() -> None:
    life = Life()
    name = received(life)
    slow = taken_over(life, name)
    with pytest.raises(ClaimLost):
        slow.update(lambda run: replace(run, reason="too late"))
    assert life.run(name).reason != "too late"


def test_a_claim_that_the_renewal_in_the_background_found_lost_is_lost_for_the_worker_too() -> None:
    life = Life()
    name = received(life)
    slow = taken_over(life, name)
    before = life.ledger.load(name)
    with pytest.raises(ClaimLost):
        slow.renew()
    with pytest.raises(ClaimLost):
        slow.update(lambda run: replace(run, claim=None, reason="too late"))
    assert life.ledger.load(name) == before


def test_a_renewal_that_comes_late_brings_no_released_claim_back() -> None:
    life = Life()
    name = received(life)
    work = take(life.world, life.ledger, life.ledger.load(name), 10)
    work.update(lambda run: replace(run, claim=None))
    work.renew()
    assert life.run(name).claim is None


def test_a_wish_appended_under_a_claim_is_not_lost() -> None:
    from shared.app.people import wish

    life = Life()
    name = received(life)
    work = take(life.world, life.ledger, life.ledger.load(name), 100)
    wish(life.world, name, "cancel", "ann")
    work.update(lambda run: replace(run, reason="going on"))
    assert life.run(name).wish("cancel") is not None
    assert life.run(name).reason == "going on"


def test_receiving_twice_is_once() -> None:
    life = Life()
    life.storage.drops.put("support/a.jsonl", chats(), {})
    first = receive(life.world, "support/a.jsonl")
    before = life.run(first or "")
    assert receive(life.world, "support/a.jsonl") == first
    assert life.run(first or "") == before


def test_a_blob_that_has_vanished_sets_off_nothing() -> None:
    assert receive(Life().world, "support/gone.jsonl") is None


def test_a_job_of_nobody_is_no_hint() -> None:
    life = Life()
    assert not hint_job(life.world, "happy_road_1")
    assert not hint_job(life.world, "support-20261124120000-aaaaaaaa-a1")


def test_the_daily_pass_mends_markers() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.world.ledger.delete(f"active/{name}")
    life.world.ledger.put("active/gone-20261124120000-aaaaaaaa", b"", {})
    assert daily(life.world, life.ledger).mended == 1
    assert f"active/{name}" in [entry.name for entry in life.world.ledger.names("active/")]


def test_the_daily_pass_lets_the_listing_show_a_run_that_lost_its_entry() -> None:
    life = Life()
    name = life.drop()
    [entry] = life.world.ledger.names("by-day/")
    life.world.ledger.delete(entry.name)
    assert life.ledger.newest(10) == []
    life.tick(86_400)
    assert [run.name for run in life.ledger.newest(10)] == [name]
    assert [one.name for one in life.world.ledger.names("by-day/")] == [entry.name]
    assert daily(life.world, life.ledger).mended == 0


def test_a_crash_while_a_run_is_written_hides_it_from_nobody() -> None:
    life = Life()
    life.storage.drops.put("support/a.jsonl", chats(), {})
    gone = Transient("storage-unavailable", "away")
    # The installation's document, that again, and then the run's own, each right after it was written.
    life.storage.fail_next("documents.create", gone, times=3, after=True)
    for _ in range(2):
        with pytest.raises(Transient):
            receive(life.world, "support/a.jsonl")
    [name] = life.ledger.runs()
    assert [run.name for run in life.ledger.newest(10)] == [name]


def test_a_markers_due_is_never_later_than_its_documents() -> None:
    life = Life()
    name = life.drop()
    for _ in range(8):
        life.tick()
        marker = next(iter(life.world.ledger.names(f"active/{name}")))
        due = life.run(name).due
        assert due is not None
        assert marker.metadata["due"] <= due.isoformat()


def test_a_newer_documents_version_is_refused_and_left() -> None:
    life = Life()
    life.world.ledger.create("r/future.json", b'{"version": 99, "what": "ever"}')
    with pytest.raises(Misconfigured, match="version 99"):
        advance(life.world, life.timing, "future")
    assert life.world.ledger.read("r/future.json").data == b'{"version": 99, "what": "ever"}'


@pytest.mark.parametrize("data", UNREADABLE)
def test_a_document_that_cannot_be_read_is_left_shown_and_stops_no_other(data: bytes) -> None:
    life = Life()
    name = life.drop()
    life.world.ledger.put(f"r/{name}.json", data)
    good = life.drop("support/b.jsonl", chats(topic="other"))
    life.at += timedelta(days=1)
    life.storage.steps.take()  # all lost
    reconcile(life.world, life.timing)
    life.deliver()
    assert life.run(good).state is State.TRAINING
    assert life.world.ledger.read(f"r/{name}.json").data == data
    states = {line["run"]: line["state"] for line in views.lines(life.ledger, 10)}
    assert states == {name: "unreadable", good: "training"}
    with pytest.raises(Unreadable):
        life.ledger.load(name)


@pytest.mark.parametrize("data", UNREADABLE)
def test_a_lane_that_cannot_be_read_is_left_and_waited_for(data: bytes) -> None:
    life = Life()
    name = life.drop()
    sound = life.world.ledger.read("lanes/support.json").data
    life.world.ledger.put("lanes/support.json", data)
    life.tick(600)
    assert life.world.ledger.read("lanes/support.json").data == data
    assert life.run(name).state is State.TRAINING
    assert "lanes/support.json" in life.run(name).reason
    life.world.ledger.put("lanes/support.json", sound)
    life.tick(600)
    assert life.run(name).failing_since is None


def test_a_document_of_an_older_version_reads() -> None:
    life = Life()
    name = life.drop()
    kept = json.loads(life.world.ledger.read(f"r/{name}.json").data)
    for newer in ("failing_since", "faults", "deaths", "rollout", "erased", "curves", "told"):
        del kept[newer]
    life.world.ledger.put(f"r/{name}.json", json.dumps({**kept, "version": 0}).encode())
    life.tick()
    life.train(name)
    assert life.until(name, "live").version == VERSION


def test_a_lane_written_by_two_at_once_keeps_both() -> None:
    life = Life()
    held = life.ledger.lane("support")
    life.ledger.save_lane(held, replace(held.lane, generation=2))
    with pytest.raises(Changed):
        life.ledger.save_lane(held, replace(held.lane, generation=3))
