"""What the ports Documents and Steps promise, and names; held by the fakes and the real adapters alike."""

from __future__ import annotations

import io
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import AlreadyThere, Changed, Missing, Permanent
from tests.contract.storage_rigs import WORLDS, now, world
from tests.local.azureml.rig import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.storage_rigs import Rig

NUMBERS = itertools.count(1)
HOSTILE = [
    "ünï/cödé \U0001f600.jsonl",
    "e\u0301 is not \u00e9",
    "\u202egnp.exe",
    "a\nb\tc\x7f",
    "100%2e%2e/q?x=1&y#z",
    "<b>&amp;'\"",
    " lead and tail ",
    "a//b",
    "...",
    "..a/b..",
    "x" * 1024,
]
IMPOSSIBLE = ["", ".", "..", "../x", "a/../b", "a/./b", "a/../../recipes/x", "..\\recipes\\x", "x" * 1025]


@pytest.fixture(scope="module", params=WORLDS)
def storage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with world(request.param, tmp_path_factory.mktemp("storage")) as rig:
        yield rig


@pytest.fixture
def folder() -> str:
    """Name a folder that no other test uses."""
    return f"t{next(NUMBERS)}"


def test_a_document_comes_back_as_it_was_created(storage: Rig, folder: str) -> None:
    etag = storage.documents.create(f"{folder}/a", b'{"version": 1}', {"due": "2026-11-24T10:00:00+00:00"})
    found = storage.documents.read(f"{folder}/a")
    assert found.data == b'{"version": 1}'
    assert found.metadata == {"due": "2026-11-24T10:00:00+00:00"}
    assert found.etag == etag
    assert etag
    assert '"' not in etag


def test_an_empty_document_is_a_document(storage: Rig, folder: str) -> None:
    etag = storage.documents.create(f"{folder}/empty", b"")
    found = storage.documents.read(f"{folder}/empty")
    assert (found.data, found.etag, dict(found.metadata)) == (b"", etag, {})


def test_a_document_is_created_once(storage: Rig, folder: str) -> None:
    storage.documents.create(f"{folder}/a", b"first")
    with pytest.raises(AlreadyThere):
        storage.documents.create(f"{folder}/a", b"second")
    assert storage.documents.read(f"{folder}/a").data == b"first"


def test_a_document_that_is_not_there_is_missing(storage: Rig, folder: str) -> None:
    with pytest.raises(Missing):
        storage.documents.read(f"{folder}/none")


def test_a_replaced_document_has_another_etag(storage: Rig, folder: str) -> None:
    first = storage.documents.create(f"{folder}/a", b"1", {"due": "then"})
    second = storage.documents.replace(f"{folder}/a", b"2", first)
    found = storage.documents.read(f"{folder}/a")
    assert (found.data, found.etag, dict(found.metadata)) == (b"2", second, {})
    assert second != first


def test_a_stale_etag_replaces_nothing(storage: Rig, folder: str) -> None:
    stale = storage.documents.create(f"{folder}/a", b"1")
    current = storage.documents.put(f"{folder}/a", b"2")
    with pytest.raises(Changed):
        storage.documents.replace(f"{folder}/a", b"3", stale)
    found = storage.documents.read(f"{folder}/a")
    assert (found.data, found.etag) == (b"2", current)


def test_same_bytes_are_another_version(storage: Rig, folder: str) -> None:
    stale = storage.documents.create(f"{folder}/a", b"same")
    storage.documents.put(f"{folder}/a", b"same")
    with pytest.raises(Changed):
        storage.documents.replace(f"{folder}/a", b"mine", stale)


def test_a_document_that_is_gone_has_changed(storage: Rig, folder: str) -> None:
    etag = storage.documents.create(f"{folder}/a", b"1")
    storage.documents.delete(f"{folder}/a")
    with pytest.raises(Changed):
        storage.documents.replace(f"{folder}/a", b"2", etag)
    with pytest.raises(Missing):
        storage.documents.read(f"{folder}/a")


def test_put_writes_whatever_is_there(storage: Rig, folder: str) -> None:
    storage.documents.put(f"{folder}/a", b"1", {"due": "soon"})
    etag = storage.documents.put(f"{folder}/a", b"2", {"due": "late"})
    found = storage.documents.read(f"{folder}/a")
    assert (found.data, found.etag, found.metadata) == (b"2", etag, {"due": "late"})


def test_what_is_deleted_twice_is_deleted(storage: Rig, folder: str) -> None:
    storage.documents.put(f"{folder}/a", b"1")
    storage.documents.delete(f"{folder}/a")
    storage.documents.delete(f"{folder}/a")
    assert list(storage.documents.names(folder)) == []


def test_names_come_in_order_with_metadata(storage: Rig, folder: str) -> None:
    before = now() - timedelta(seconds=2)
    for name in ("c", "a", "b/1", "b"):
        storage.documents.put(f"{folder}/{name}", b"", {"due": f"of_{name[0]}"})
    storage.documents.put(f"{folder}x", b"another prefix")
    found = list(storage.documents.names(f"{folder}/"))
    assert [entry.name for entry in found] == [f"{folder}/{name}" for name in ("a", "b", "b/1", "c")]
    assert [entry.metadata["due"] for entry in found] == ["of_a", "of_b", "of_b", "of_c"]
    assert all(before <= entry.modified <= now() for entry in found)
    assert all(entry.modified.utcoffset() == timedelta(0) for entry in found)


def test_racing_replacements_lose_none(storage: Rig, folder: str) -> None:
    storage.documents.create(f"{folder}/count", b"0")
    start = threading.Barrier(2)

    def work() -> int:
        start.wait(10)
        lost = 0
        for _ in range(25):
            while True:
                found = storage.documents.read(f"{folder}/count")
                more = str(int(found.data) + 1).encode()
                try:
                    storage.documents.replace(f"{folder}/count", more, found.etag)
                    break
                except Changed:
                    lost += 1
        return lost

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work) for _ in range(2)]:
            done.result()
    assert storage.documents.read(f"{folder}/count").data == b"50"


def test_of_racing_creations_one_wins(storage: Rig, folder: str) -> None:
    start = threading.Barrier(6)

    def work(number: int) -> str | None:
        start.wait(10)
        try:
            return storage.documents.create(f"{folder}/one", str(number).encode())
        except AlreadyThere:
            return None

    with ThreadPoolExecutor(6) as pool:
        etags = list(pool.map(work, range(6)))
    found = storage.documents.read(f"{folder}/one")
    assert [etag for etag in etags if etag] == [found.etag]
    assert etags[int(found.data)] == found.etag


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_odd_names_go_through_unchanged(storage: Rig, name: str) -> None:
    storage.documents.put(name, name.encode())
    try:
        assert storage.documents.read(name).data == name.encode()
        assert name in {entry.name for entry in storage.documents.names("")}
        storage.write("datasets", name, b"row")
        drop = storage.drops.find(name)
        assert drop.path == name
        assert b"".join(storage.drops.open(drop)) == b"row"
        waits = name.count("/") == 2  # in a folder without its _SUCCESS
        assert (drop in list(storage.drops.all())) != waits
    finally:
        storage.documents.delete(name)
        storage.delete("datasets", name)


@pytest.mark.parametrize("name", IMPOSSIBLE, ids=range(len(IMPOSSIBLE)))
def test_impossible_names_lead_nowhere(storage: Rig, name: str) -> None:
    storage.write("recipes", "x", b"not yours")
    for look in (storage.documents.read, storage.drops.find, lambda path: list(storage.prepared.read(path))):
        with pytest.raises(Missing):
            look(name)
    storage.documents.delete(name)
    with pytest.raises(Changed):
        storage.documents.replace(name, b"", "0x1")
    for write in (storage.documents.create, storage.documents.put):
        with pytest.raises(Permanent, match="No blob can have the name"):
            write(name, b"mine")
    with pytest.raises(Permanent), storage.prepared.writer(name) as file:
        file.write(b"mine")
    with pytest.raises(Missing):
        storage.drops.find(f"{name}/")
    with pytest.raises(Permanent):
        storage.drops.upload(name, io.BytesIO(b"mine"), retrain=False)
    assert storage.listed("recipes") >= {"x"}
    assert name not in storage.listed("runs") | storage.listed("prepared") | storage.listed("datasets")


@pytest.mark.parametrize("sign", ["\x1b", "\n", "\x7f", "\x85"])
def test_a_name_with_a_control_character_is_refused_before_it_breaks_every_listing(
    storage: Rig, folder: str, sign: str
) -> None:
    """XML cannot hold most of them: Azurite answers 500 to each listing as long as such a blob is there."""
    with pytest.raises(Permanent, match="No blob can have the name"):
        storage.drops.upload(f"{folder}/a{sign}b.jsonl", io.BytesIO(b"mine"), retrain=False)
    assert [drop for drop in storage.drops.all() if drop.path.startswith(folder)] == []


def test_steps_say_run_and_wake(storage: Rig, folder: str) -> None:
    storage.messages()
    storage.steps.send(folder, wake=7)
    storage.steps.send(folder)
    storage.steps.send(f"{folder}-ü", wake=0, delay=-3)
    found = storage.messages()
    assert sorted(found, key=str) == sorted(
        [{"run": folder, "wake": 7}, {"run": folder}, {"run": f"{folder}-ü", "wake": 0}], key=str
    )
    assert storage.messages() == []


def test_a_delayed_step_is_seen_after_its_delay(storage: Rig, folder: str) -> None:
    storage.messages()
    sent = now()
    storage.steps.send(folder, wake=1, delay=1.2)
    assert storage.messages() == []
    assert until(storage.messages, 15, "the message is seen") == [{"run": folder, "wake": 1}]
    assert now() - sent >= timedelta(seconds=1.2)


@pytest.mark.parametrize("days", [7, 8, 400])
def test_a_step_may_be_far_away(storage: Rig, folder: str, days: int) -> None:
    storage.steps.send(folder, wake=1, delay=days * 86_400)
    assert {"run": folder, "wake": 1} not in storage.messages()
