"""What always fails ends in poison and in a failed run with a notice; it stops no other, and comes back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.app import advance as advancing
from shared.app import preparing, recipes, requeue, unforeseen
from shared.app.advance import advance
from shared.app.claim import take
from shared.app.forgetting import forget
from shared.app.receive import receive
from shared.app.reconcile import reconcile
from shared.domain import actions as a
from shared.domain.errors import Permanent, Transient
from shared.domain.run import State
from tests.app.life import Life, chats
from tests.fakes.poison import FakePoison

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.app.claim import Work

RECIPE = "serving: {rollout: [100]}\n"
TRIES = 5  # host.json's maxDequeueCount
HOST = Path(__file__).parents[2] / "host.json"


def broken(*_args: Any) -> None:
    raise ZeroDivisionError("a row of the data stands in this text")


def breaking(patch: pytest.MonkeyPatch, kind: type, effect: Callable[..., None] = broken) -> None:
    """Let an effect fail for a reason that nobody foresaw."""
    patch.setattr(advancing, "EFFECTS", {**advancing.EFFECTS, kind: effect})


def deliver_as_the_platform_does(life: Life, name: str) -> int:
    """Deliver one message until it succeeds or its tries are over; give the number of tries that failed."""
    for failed in range(TRIES):
        try:
            advance(life.world, life.timing, name)
        except ZeroDivisionError:
            continue
        return failed
    return TRIES


def received(life: Life, path: str = "support/a.jsonl") -> str:
    life.storage.drops.put(path, chats(topic=path), {})
    name = receive(life.world, path)
    assert name is not None
    return name


def test_a_message_that_always_fails_ends_in_poison_and_in_a_failed_run_with_a_notice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    life = Life()
    life.storage.recipes.put("support", RECIPE + "notify: {to: [TEAM]}\n")
    name = received(life)
    breaking(monkeypatch, a.Prepare)
    assert deliver_as_the_platform_does(life, name) == TRIES
    assert life.run(name).claim is None
    life.tick(10)
    run = life.run(name)
    assert run.state is State.FAILED
    assert run.problem is not None
    assert run.problem.code == "unforeseen"
    assert "ZeroDivisionError at shared/app/advance.py" in run.problem.message
    assert run.problem.help.endswith(f"droptune retry {name}")
    assert "a row of the data" not in str(run)
    [(_channel, title, text)] = life.notices.people.told
    assert title == "Droptune: support failed"
    assert name in text


def test_it_stops_no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life()
    life.storage.recipes.put("other", RECIPE)
    bad, good = received(life), received(life, "other/b.jsonl")

    def prepare(work: Work, action: a.Prepare) -> None:
        if work.run.name == bad:
            broken()
        preparing.prepare(work, action)

    breaking(monkeypatch, a.Prepare, prepare)
    assert deliver_as_the_platform_does(life, bad) == TRIES
    assert deliver_as_the_platform_does(life, good) == 0
    assert life.until(bad, "failed").problem is not None
    assert life.until(good, "training").problem is None


def test_a_fault_that_passes_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life()
    name = received(life)
    with monkeypatch.context() as patch:
        breaking(patch, a.Prepare)
        for _ in range(TRIES - 1):
            with pytest.raises(ZeroDivisionError):
                advance(life.world, life.timing, name)
        assert life.run(name).faults == TRIES - 1
        assert "ZeroDivisionError" in life.run(name).reason
    advance(life.world, life.timing, name)
    assert life.run(name).state is State.TRAINING
    assert life.run(name).faults == 0


def test_what_a_run_made_goes_before_it_is_written_off(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    with monkeypatch.context() as patch:
        patch.setattr(advancing, "decide", broken)
        assert deliver_as_the_platform_does(life, name) == TRIES
    run = life.until(name, "failed")
    assert run.job is not None
    assert life.azureml.jobs.find(run.job).status == "canceled"
    assert name not in life.ledger.lane("support").lane.named()


def test_where_even_the_cleaning_up_fails_the_end_says_what_may_be_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    life = Life()
    name = life.drop()
    job = life.until(name, "training").job
    monkeypatch.setattr(advancing, "decide", broken)
    assert deliver_as_the_platform_does(life, name) == TRIES
    assert life.run(name).closing is State.FAILED
    assert deliver_as_the_platform_does(life, name) == TRIES
    run = life.run(name)
    assert run.state is State.FAILED
    assert run.problem is not None
    assert f"what may be left: job {job}" in run.problem.message
    assert f"az ml job show --name {job}" in run.problem.help
    assert name not in life.ledger.lane("support").lane.named()
    life.tick(3600)
    assert life.storage.steps.waiting == []


def test_a_run_at_which_worker_after_worker_dies_fails() -> None:
    life = Life()
    name = received(life)
    for _ in range(TRIES):
        take(life.world, life.ledger, life.ledger.load(name), 180)  # and dies
        life.tick(179)
        assert life.run(name).state is State.RECEIVED
        life.at += life.run(name).claim.until - life.at  # type: ignore[union-attr]
    advance(life.world, life.timing, name)
    problem = life.until(name, "failed").problem
    assert problem is not None
    assert problem.code == "worker-died"
    assert f"{TRIES} workers died at it" in problem.message


def test_a_drop_that_cannot_be_received_gets_a_failed_run_and_hinders_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    life = Life()
    life.storage.recipes.put("other", RECIPE)
    bad = life.storage.drops.put("support/a.jsonl", chats(), {}).run
    good = life.storage.drops.put("other/b.jsonl", chats(), {}).run
    sound = recipes.find

    def find(store: Any, name: str) -> Any:
        return broken() if name == "support" else sound(store, name)

    with monkeypatch.context() as patch:
        patch.setattr(recipes, "find", find)
        with pytest.raises(ZeroDivisionError):
            receive(life.world, "support/a.jsonl")
        life.tick(301)
        life.tick(301)
        run = life.until(bad, "failed")
        assert run.problem is not None
        assert (run.problem.code, run.recipe) == ("unforeseen", None)
        assert life.until(good, "training")
    body = {"ContainerName": "datasets", "BlobName": "support/a.jsonl"}
    assert requeued(life, "drop", body).did == "tried again: it is received"
    life.until(bad, "training")


def test_a_part_of_the_timer_that_fails_hinders_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life()
    name = life.drop()
    monkeypatch.setattr("shared.app.reconcile.wake_overdue", broken)
    late = life.storage.drops.put("support/b.jsonl", chats(topic="late"), {}).run
    life.at += timedelta(seconds=301)
    with pytest.raises(ZeroDivisionError):
        reconcile(life.world, life.timing)
    assert {name, late} <= set(life.ledger.runs())


def requeued(life: Life, kind: Any, body: Any) -> requeue.Requeued:
    poison = FakePoison(life.now)
    poison.put(kind, body if body is None or isinstance(body, str) else json.dumps(body))
    [done] = requeue.requeue(life.world, poison, None, "ann")
    assert (poison.seen, poison.taken) == ([], {})
    return done


def test_a_run_that_failed_for_its_message_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life()
    name = received(life)
    with monkeypatch.context() as patch:
        breaking(patch, a.Prepare)
        deliver_as_the_platform_does(life, name)
        life.until(name, "failed")
    assert requeued(life, "step", {"run": name, "wake": 3}).did == "tried again: it is validating"
    run = life.until(name, "training")
    assert [change.by for change in run.history if change.reason.startswith("tried again")] == ["ann"]


def test_a_message_about_a_run_whose_data_was_erased_blocks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life()
    name = received(life)
    with monkeypatch.context() as patch:
        breaking(patch, a.SubmitJob)
        deliver_as_the_platform_does(life, name)
        life.until(name, "failed")
    forget(life.world, "support/a.jsonl", "ann", dry_run=False)
    did = requeued(life, "step", {"run": name}).did
    assert did.startswith("nothing: The prepared data")
    assert life.run(name).state is State.FAILED


def test_what_has_ended_otherwise_stays_as_it_is() -> None:
    life = Life()
    run = life.live()
    assert requeued(life, "step", {"run": run.name}).did == "nothing: the run has ended (live)"
    assert requeued(life, "step", {"run": "gone"}).did == "nothing: there is no such run"
    gone = {"ContainerName": "datasets", "BlobName": "support/gone.jsonl"}
    assert requeued(life, "drop", gone).did.startswith("nothing: the blob is gone")
    assert life.run(run.name) == run


def test_a_run_on_its_way_is_looked_at() -> None:
    life = Life()
    name = received(life)
    assert requeued(life, "step", {"run": name}).did == "a look was asked for: the run is received"
    life.deliver()
    assert life.run(name).state is State.TRAINING


@pytest.mark.parametrize("body", ["not json", "[]", '{"wake": 1}', '{"run": 7}'])
def test_garbage_goes_back_as_it_stands(body: str) -> None:
    life = Life()
    poison = FakePoison(life.now)
    poison.put("step", body)
    [done] = requeue.requeue(life.world, poison, None, "ann")
    assert done.did.startswith("put back into the queue as it stands")
    assert poison.restored == [body]


@pytest.mark.parametrize("body", [None, "x", '{"ContainerName": "secrets", "BlobName": "a/b.jsonl"}'])
def test_what_names_no_drop_is_deleted(body: str | None) -> None:
    assert requeued(Life(), "drop", body).did.startswith("deleted: it names nothing")


def test_one_is_brought_back_and_the_others_stay() -> None:
    life = Life()
    poison = FakePoison(life.now)
    name = received(life)
    for run in ("first", name, "third"):
        poison.put("step", json.dumps({"run": run}))
    [done] = requeue.requeue(life.world, poison, "m2", "ann")
    assert done.run == name
    assert sorted(one.run or "" for one in requeue.waiting(poison)) == ["first", "third"]
    with pytest.raises(Permanent, match="No message 'm2' lies in poison"):
        requeue.requeue(life.world, poison, "m2", "ann")
    assert len(requeue.waiting(poison)) == 2


def test_what_cannot_be_brought_back_just_now_stays_in_poison() -> None:
    life = Life()
    poison = FakePoison(life.now)
    name = received(life)
    poison.put("step", json.dumps({"run": name}))
    life.storage.fail_next("documents.read", Transient("storage-unavailable", "away"))
    with pytest.raises(Transient):
        requeue.requeue(life.world, poison, None, "ann")
    assert [one.run for one in requeue.waiting(poison)] == [name]


def test_the_runs_limit_is_the_hosts() -> None:
    queues = json.loads(HOST.read_text("utf-8"))["extensions"]["queues"]
    assert queues["maxDequeueCount"] == unforeseen.MOST == TRIES
