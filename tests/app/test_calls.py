"""What a run costs in calls: as much in a long ledger as in an empty one, in a long line as at its head."""

from __future__ import annotations

from collections import Counter

from shared.app.advance import advance
from shared.domain.run import State
from tests.app.life import Life, chats

MOST = {"storage": 185, "azureml": 80}  # of one life, from the drop to live; measured: 167 and 71


def calls(life: Life) -> Counter[str]:
    return Counter(storage=life.storage.calls.total(), azureml=life.azureml.calls.total())


def test_a_run_makes_no_more_calls_for_those_before_it() -> None:
    life, spent = Life(), list[Counter[str]]()
    for number in range(12):
        before = calls(life)
        life.live(f"support/{number}.jsonl", chats(topic=f"topic {number}"))
        spent.append(calls(life) - before)
        life.tick(3700)
    assert all(spent[1][port] <= most for port, most in MOST.items()), spent[1]
    assert all(spent[11][port] <= spent[1][port] + 4 for port in MOST), spent


def dropped(life: Life, count: int) -> list[str]:
    """Drop so many data sets of one recipe, a second apart."""
    names = []
    for number in range(count):
        life.at = life.at.replace(second=number)
        names.append(life.drop(f"support/{number}.jsonl", chats(topic=f"topic {number}")))
    return names


def test_a_run_that_waits_looks_at_the_holder_alone() -> None:
    life = Life()
    names = dropped(life, 12)
    life.storage.steps.waiting.clear()
    assert [life.run(name).state for name in names] == [State.TRAINING] + [State.QUEUED] * 11
    spent = []
    for name in names[1:]:
        before = Counter(life.storage.calls)
        advance(life.world, life.timing, name)
        spent.append(Counter(life.storage.calls) - before)
    assert [one.total() for one in spent] == [spent[0].total()] * 11
    assert spent[0].total() <= 9, spent[0]


def test_a_dead_holder_is_found_by_whoever_comes_next() -> None:
    life = Life()
    names = dropped(life, 4)
    for gone in names[:2]:
        life.world.ledger.delete(f"r/{gone}.json")
    life.until(names[2], "training")
    assert life.run(names[3]).state is State.QUEUED
