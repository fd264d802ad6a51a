"""What happened is told once to people and at least once to programs; a notice that fails harms nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest

from shared.app import notices
from shared.app.people import wish
from shared.app.reconcile import reconcile
from shared.app.sweep import sweep
from shared.app.telling import tell_all
from shared.domain import checkup
from shared.domain import run as runs
from shared.domain.errors import Permanent, Transient
from shared.domain.run import State
from tests.app.life import Life, chats
from tests.app.test_sweep import SHORT, pass_hours

TOLD = "notify: {to: [TEAM_CHAT]}\n"


def types(life: Life) -> list[str]:
    return [event.type.removeprefix("droptune.") for event in life.notices.topic.events]


def test_a_run_and_its_sweep_are_told_whole_and_in_order() -> None:
    life = Life()
    life.storage.recipes.put("support", SHORT.replace("grace_hours: 0", "grace_hours: 1") + TOLD)
    run = life.live()
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    pass_hours(life, run, 1)
    sweep(life.world, dry_run=False)
    life.tick()
    states = ["received", "validating", "queued", "training", "registering"]
    states += ["deploying", "testing", "promoting", "live"]
    story = [f"run.{state}" for state in states]
    assert types(life)[: len(story)] == story
    assert sorted(types(life)[len(story) :]) == ["run.retired", "sweep.marked", "sweep.taken"]
    of_run = [event for event in life.notices.topic.events if event.subject == f"runs/{run.name}"]
    assert [event.sequence for event in of_run] == sorted({event.sequence for event in of_run})
    ids = [event.id for event in life.notices.topic.events]
    assert len(ids) == len(set(ids))
    assert list(life.world.ledger.names("outbox/")) == []
    titles = [title for _, title, _ in life.notices.people.told]
    assert titles == [
        "Droptune: support live",
        f"Droptune: {run.endpoint}/{run.deployment} is about to go",
        f"Droptune: {run.endpoint} was taken away",
    ]


def test_a_dry_run_tells_nothing() -> None:
    life = Life()
    life.storage.recipes.put("support", SHORT + TOLD)
    run = life.live()
    pass_hours(life, run, 2)
    before = len(life.notices.topic.events)
    sweep(life.world, dry_run=True)
    tell_all(life.world)
    assert len(life.notices.topic.events) == before


@pytest.mark.parametrize("error", [Transient("away", "away"), Permanent("no", "no"), ValueError("broken")])
def test_a_failing_notice_harms_no_run_and_is_told_later(error: Exception) -> None:
    life = Life()
    life.notices.fail_next("topic.publish", error, times=30)
    run = life.live()
    assert run.state is State.LIVE
    for _ in range(30):
        life.tick()
    told = [event.id for event in life.notices.topic.events]
    assert told == [f"{run.name}/{n}" for n in range(9)]


def test_a_delivery_whose_answer_was_lost_comes_again_with_the_same_ids() -> None:
    life = Life()
    life.notices.fail_next("topic.publish", Transient("away", "away"), after=True)
    run = life.live()
    life.tick()
    told = [event.id for event in life.notices.topic.events]
    assert len(told) > 9
    assert list(dict.fromkeys(told)) == [f"{run.name}/{n}" for n in range(9)]


def test_a_change_that_nobody_was_left_to_tell_is_told_by_the_timer() -> None:
    """As after a crash between the ledger's write and the notice, and after any command of a person."""
    life = Life()
    run = life.live()
    held = life.ledger.load(run.name)
    life.ledger.save(held, runs.moved(held.run, State.SUPERSEDED, "a test says so", life.at))
    assert types(life)[-1] == "run.live"
    life.tick()
    assert types(life)[-1] == "run.superseded"
    assert life.run(run.name).told == len(life.run(run.name).history)


@pytest.fixture
def deaf() -> Life:
    """A live run of a recipe with two channels, of which one does not work."""
    life = Life()
    life.notices.people.deaf.add("TEAM_CHAT")
    life.storage.recipes.put("support", "notify: {to: [TEAM_CHAT, MAIL]}\n")
    life.live()
    return life


def heard(life: Life) -> list[str]:
    return [channel for channel, _, _ in life.notices.people.told]


def test_people_who_cannot_be_reached_hinder_nobody_and_are_tried_again(deaf: Life) -> None:
    assert heard(deaf) == ["MAIL"]
    deaf.tick(30)
    deaf.notices.people.deaf.clear()
    deaf.tick(90)
    assert heard(deaf) == ["MAIL", "TEAM_CHAT"]  # who has heard it hears it no second time
    deaf.tick(24 * 3600)
    assert heard(deaf) == ["MAIL", "TEAM_CHAT"]
    assert list(deaf.world.ledger.names("outbox/")) == []


def test_a_notice_is_tried_at_growing_distances_then_given_up_and_the_doctor_tells(deaf: Life) -> None:
    begun = deaf.at
    tried = []
    for _minute in range(12 * 60):
        before = deaf.notices.calls["people.tell"]
        deaf.tick(60)
        tried += [round((deaf.at - begun) / timedelta(minutes=1))] * (
            deaf.notices.calls["people.tell"] - before
        )
    assert [later - sooner for sooner, later in pairwise([0, *tried])] == [
        pytest.approx(minutes, abs=2) for minutes in (1, 5, 30, 120, 360)
    ]
    assert list(deaf.world.ledger.names("outbox/")) == []
    (lost,) = notices.undelivered(deaf.world, begun)
    assert lost.channels == {"TEAM_CHAT": "what TEAM_CHAT names did not take the notice"}
    point = checkup.notices([lost])
    assert point.state == "broken"
    assert "support live" in point.said
    assert "TEAM_CHAT" in point.help
    assert list(notices.undelivered(deaf.world, deaf.at + timedelta(days=1))) == []
    deaf.notices.people.deaf.clear()
    deaf.live("support/b.jsonl", chats(topic="other"))
    assert list(notices.undelivered(deaf.world, begun)) == []  # the channel works again


def test_a_notice_outlives_the_one_who_was_to_tell_it() -> None:
    life = Life()
    life.storage.recipes.put("support", TOLD)
    life.notices.fail_next("people.tell", OSError("the process is gone"))
    run = life.live()
    assert (run.state, heard(life)) == (State.LIVE, [])
    life.tick(90)
    assert heard(life) == ["TEAM_CHAT"]


def test_of_two_tellers_one_begins_a_try(deaf: Life) -> None:
    deaf.at += timedelta(minutes=2)
    before = deaf.notices.calls["people.tell"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: notices.tell_again(deaf.world), range(4)))
    assert deaf.notices.calls["people.tell"] == before + 1


@pytest.mark.parametrize("error", [Transient("away", "away"), Permanent("no", "no"), ValueError("broken")])
def test_people_hear_while_the_topic_takes_nothing_and_once(error: Exception) -> None:
    life = Life()
    life.storage.recipes.put("support", SHORT + TOLD)
    life.notices.fail_next("topic.publish", error, times=10_000)
    run = life.live()
    for _ in range(5):
        life.tick()
    assert [title for _, title, _ in life.notices.people.told] == ["Droptune: support live"]
    pass_hours(life, run, 2)
    sweep(life.world, dry_run=False)
    life.tick()
    taken = f"Droptune: {run.endpoint} was taken away"
    assert [title for _, title, _ in life.notices.people.told] == ["Droptune: support live", taken]
    assert types(life) == []
    life.notices.stop_failing()
    life.tick()
    assert len(types(life)) == len(life.run(run.name).history) + 1
    assert heard(life) == ["TEAM_CHAT", "TEAM_CHAT"]
    assert list(life.world.ledger.names("outbox/")) == []


def test_a_topic_that_is_away_is_asked_once_a_minute_however_much_there_is_to_tell() -> None:
    life = Life()
    life.notices.fail_next("topic.publish", Transient("away", "away"), times=10_000)
    for n in range(6):
        life.until(life.drop(f"support/{n}.jsonl", b"no chat\n"), "rejected")
    for _ in range(3):
        before = life.notices.calls["topic.publish"]
        life.tick()
        assert life.notices.calls["topic.publish"] == before + 1
    life.notices.stop_failing()
    life.tick()
    assert len(types(life)) == 6 * 3


def test_drops_are_found_by_the_timer_though_telling_takes_all_its_time() -> None:
    class Killed(BaseException):
        """As the host ends a function that is past its time."""

    life = Life()
    life.notices.fail_next("topic.publish", Permanent("no", "no"), times=1)
    life.until(life.drop(data=b"no chat\n"), "rejected")
    life.storage.drops.put("support/unseen.jsonl", chats(), {})
    life.notices.fail_next("topic.publish", Killed())  # type: ignore[arg-type]
    life.at += timedelta(minutes=10)
    with pytest.raises(Killed):
        reconcile(life.world, life.timing)
    assert len(list(life.ledger.runs())) == 2


def test_people_hear_once_that_a_run_cannot_be_cleaned_up_and_it_is_tried_on() -> None:
    life = Life()
    life.storage.recipes.put("support", TOLD)
    life.azureml.fail_next("endpoints.undeploy", Permanent("azureml-locked", "It is locked."), times=200)
    life.azureml.endpoints.answer = lambda _deployment, _messages: ""
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.train(name)
    for _ in range(180):
        life.tick()
    assert life.run(name).closing is State.FAILED
    assert life.notices.people.told == []
    for _ in range(120):
        life.tick(120)
    ((_, title, text),) = life.notices.people.told
    assert title == "Droptune: support cannot be cleaned up"
    assert "It is locked." in text
    assert text.endswith(f"Look: droptune show {name}")
    assert [kind for kind in types(life) if kind == "run.stuck"] == ["run.stuck"]
    life.azureml.stop_failing()
    assert life.until(name, "failed").problem.code == "smoke-failed"  # type: ignore[union-attr]
    assert list(life.world.ledger.names("outbox/")) == []


def test_people_hear_once_of_a_job_that_azure_does_not_end() -> None:
    life = Life()
    life.storage.recipes.put("support", TOLD)
    name = life.drop()
    life.until(name, "training")
    life.azureml.jobs.hold(life.run(name).job or "")
    wish(life.world, name, "cancel", "ann")
    for _ in range(400):
        life.tick()
    ((_, title, text),) = life.notices.people.told
    assert title == "Droptune: support cannot be cleaned up"
    assert "Azure ML is ending the job." in text
    life.azureml.jobs.release(life.run(name).job or "")
    life.until(name, "cancelled")
    assert heard(life) == ["TEAM_CHAT", "TEAM_CHAT"]
