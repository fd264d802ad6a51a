"""The store: order, prefixes, transactions; the clock; a file that grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from local.azureml.clock import Clock, real_now
from local.azureml.records import Compute, Subscriber
from local.azureml.state import Store
from local.azureml.tail import Tail, last_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "state.db")
    yield made
    made.close()


def subscriber(name: str, url: str = "http://x") -> Subscriber:
    return Subscriber(name=name, url=url)


def test_records_keep_their_order_and_kind(store: Store) -> None:
    for key in ("b/2", "a/1", "b%/3"):
        store.put(key, subscriber(key))
    store.put("b/2", subscriber("b/2", "http://y"))
    assert [item.name for item in store.all(Subscriber)] == ["b/2", "a/1", "b%/3"]
    assert [item.url for item in store.all(Subscriber, "b/")] == ["http://y"]
    assert store.get(Compute, "b/2") is None
    store.delete(Subscriber, "b/2")
    assert store.get(Subscriber, "b/2") is None


def test_a_change_of_nothing_is_none(store: Store) -> None:
    assert store.change(Subscriber, "x", lambda kept: replace(kept, url="http://z")) is None


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.put("in", subscriber("in"))
            with store.transaction():
                store.put("deeper", subscriber("deeper"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert store.all(Subscriber) == []
    store.put("after", subscriber("after"))
    assert len(store.all(Subscriber)) == 1


def test_the_file_is_its_owners_alone(tmp_path: Path, store: Store) -> None:
    assert store.all(Subscriber) == []
    assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0


def test_the_clock_runs_on_from_where_it_was_set() -> None:
    clock = Clock()
    there = datetime(2030, 1, 1, tzinfo=UTC)
    clock.set(there)
    assert there <= clock.now() < there + timedelta(seconds=5)
    assert clock.stamp().startswith("2030-01-01T00:00:0")
    clock.set(None)
    assert abs(clock.now() - real_now()) < timedelta(seconds=5)


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail = Tail(path)
    assert tail.new() == []
    path.write_text('{"a": 1}\n{"a"')
    assert tail.new() == [{"a": 1}]
    with path.open("a") as file:
        file.write(": 2}\n")
    assert tail.new() == [{"a": 2}]
    assert tail.new() == []


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    assert last_lines(path, 3) == ""
    path.write_text("".join(f"{n}\n" for n in range(50_000)))
    assert last_lines(path, 2) == "49998\n49999\n"
    assert len(last_lines(path, None).splitlines()) == 50_000
