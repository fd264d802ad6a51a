"""Those who wait in a lane: for room, for a slot; nobody stands in another's way, or asks for nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.app.sweep import sweep
from shared.domain.errors import Transient
from shared.domain.run import State
from tests.app.life import Life, chats

if TYPE_CHECKING:
    from shared.domain.run import Run

RECIPE = "serving: {rollout: [100], keep_previous_hours: 1}\n"
FULL = Transient("azureml-no-room", "Azure has no room: not enough quota.")


def test_a_run_without_room_lets_the_sweep_take_what_fills_the_quota() -> None:
    life = Life()
    life.storage.recipes.put("support", RECIPE)
    first, second = (life.live(f"support/{n}.jsonl", chats(topic=n)) for n in ("a", "b"))
    third = life.drop("support/c.jsonl", chats(topic="c"))
    life.until(third, "training")
    life.tick()
    life.azureml.fail_next("endpoints.deploy", FULL, times=100)
    life.train(third)
    life.until(third, "deploying")
    life.tick()
    assert "no room" in life.run(third).reason
    assert life.ledger.lane("support").lane.deploying is None
    life.at += timedelta(hours=2)  # the way back to the first model is past its time
    taken = sweep(life.world, dry_run=False).taken
    assert [one.deployment for one in taken] == [first.deployment]
    life.azureml.stop_failing()
    life.until(third, "live")
    assert life.run(second.name).state is State.SUPERSEDED


def test_it_was_told_beforehand_until_when_it_would_wait() -> None:
    life = Life()
    life.storage.recipes.put("support", RECIPE.replace("{", "{instance_type: Standard_NC16as_T4_v3, "))
    life.azureml.computes.limit("Standard NCASv3_T4 Family", 64)  # room for two, with Azure's reserve
    first, second = (life.live(f"support/{n}.jsonl", chats(topic=n)) for n in ("a", "b"))
    assert told(second) == []
    third = life.drop("support/c.jsonl", chats(topic="c"))
    previous = life.ledger.lane("support").lane.previous
    assert previous is not None
    assert (previous.place.run, previous.deployment) == (first.name, first.deployment)
    [message] = told(life.until(third, "training"))
    assert message.startswith(f"{first.deployment} stays for a way back until {previous.until:%F %T} UTC")
    assert "the run waits for room for its deployment" in message
    life.at += timedelta(hours=2)  # past its time: the sweep is about to take it
    assert told(life.run(life.drop("support/d.jsonl", chats(topic="d")))) == []


def test_quiet_hours_keep_the_way_back_for_longer() -> None:
    life = Life()
    recipe = RECIPE.replace("{", "{instance_type: Standard_NC16as_T4_v3, ")
    life.storage.recipes.put("support", f'{recipe}cost: {{quiet_hours: "13:00-15:00 UTC"}}\n')
    life.azureml.computes.limit("Standard NCASv3_T4 Family", 64)
    for topic in ("a", "b"):
        life.live(f"support/{topic}.jsonl", chats(topic=topic))
    [message] = told(life.run(life.drop("support/c.jsonl", chats(topic="c"))))
    assert "until 2026-11-24 15:00:00 UTC and takes 32 of 64" in message
    life.at += timedelta(hours=2)  # past its time, and no sweep takes it yet
    [message] = told(life.run(life.drop("support/d.jsonl", chats(topic="d"))))
    assert "until 2026-11-24 15:00:00 UTC and takes 32 of 64" in message


def told(run: Run) -> list[str]:
    assert run.preflight is not None
    return [one.message for one in run.preflight if one.code == "quota-way-back"]


def test_of_many_in_line_without_room_each_tries_once_and_waits() -> None:
    life = Life()
    life.storage.recipes.put("support", f"on_new_data: parallel\n{RECIPE}")
    names = []
    for n in range(4):
        life.tick()
        names.append(life.drop(f"support/{n}.jsonl", chats(topic=str(n))))
    for name in names:
        life.until(name, "training")
    life.tick()
    life.azureml.fail_next("endpoints.deploy", FULL, times=1000)
    for name in names:
        life.train(name)
    for name in names:
        life.until(name, "deploying")
    before = life.azureml.count("endpoints.deploy")
    for _ in range(60):
        life.tick()
    tried = life.azureml.count("endpoints.deploy") - before
    assert (
        len(names) <= tried <= 20 * len(names)
    )  # an hour at no more than five minutes each, and a few at first
    life.azureml.stop_failing()
    life.until(names[-1], "live", ticks=120)


def test_who_waits_in_line_is_sent_for_and_asks_seldom() -> None:
    life = Life()
    life.storage.recipes.put("support", RECIPE)
    first = life.drop("support/a.jsonl", chats(topic="a"))
    life.until(first, "training")
    life.tick()
    second = life.drop("support/b.jsonl", chats(topic="b"))
    for _ in range(60):
        life.tick()
    before = life.run(second).waits
    for _ in range(60):
        life.tick()
    assert life.run(second).waits - before <= 13  # every five minutes
    life.train(first)
    life.until(second, "training", ticks=7)
    left, came = (life.run(name).history for name in (first, second))
    assert came[-1].at == next(change.at for change in left if change.state is State.REGISTERING)
