"""Those who wait in a lane: for room, for a slot; nobody stands in another's way, or asks for nothing."""

from __future__ import annotations

from datetime import timedelta

from shared.app.sweep import sweep
from shared.domain.errors import Transient
from shared.domain.run import State
from tests.app.life import Life, chats

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
