"""What the storage ports promise, held by the fakes and by the real adapters alike."""

from __future__ import annotations

import io
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from shared.domain.errors import AlreadyThere, Changed, Missing, Permanent
from tests.contract.storage_rigs import FakeRig, azurite_rig, now
from tests.local.azureml.rig import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.storage_rigs import Rig

NUMBERS = itertools.count(1)
MIB = 1 << 20
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


@pytest.fixture(scope="module", params=["fake", "azurite"])
def storage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    if request.param == "fake":
        yield FakeRig()
        return
    folder = tmp_path_factory.mktemp("storage")
    with pytest.MonkeyPatch.context() as patch, azurite_rig(folder, patch) as rig:
        yield rig


@pytest.fixture
def folder() -> str:
    """Name a folder that no other test uses."""
    return f"t{next(NUMBERS)}"


def pattern(size: int) -> bytes:
    """Make bytes in which no two places look alike for long."""
    return b"".join(number.to_bytes(8, "big") for number in range(size // 8 + 1))[:size]


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
        assert drop in list(storage.drops.all())
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
    with pytest.raises(Permanent):
        storage.drops.upload(name, io.BytesIO(b"mine"), retrain=False)
    assert storage.listed("recipes") >= {"x"}
    assert name not in storage.listed("runs") | storage.listed("prepared") | storage.listed("datasets")


def test_a_drop_is_found_as_it_is(storage: Rig, folder: str) -> None:
    before = now() - timedelta(seconds=2)
    storage.write("datasets", f"{folder}/a.jsonl", b"12345")
    drop = storage.drops.find(f"{folder}/a.jsonl")
    assert (drop.path, drop.size, drop.retrain) == (f"{folder}/a.jsonl", 5, False)
    assert before <= drop.modified <= now()
    assert drop.modified.microsecond == 0
    assert drop.etag
    assert '"' not in drop.etag
    assert drop in list(storage.drops.all())


@pytest.mark.parametrize(
    ("metadata", "retrain"),
    [({"retrain": "true"}, True), ({"Retrain": "true"}, True), ({"retrain": "false"}, False), ({}, False)],
)
def test_retrain_is_said_by_metadata(
    storage: Rig, folder: str, metadata: dict[str, str], *, retrain: bool
) -> None:
    storage.write("datasets", f"{folder}/a.jsonl", b"1", metadata)
    assert storage.drops.find(f"{folder}/a.jsonl").retrain is retrain
    assert [d.retrain for d in storage.drops.all() if d.path == f"{folder}/a.jsonl"] == [retrain]


def test_a_drop_that_is_not_there_is_missing(storage: Rig, folder: str) -> None:
    with pytest.raises(Missing):
        storage.drops.find(f"{folder}/none.jsonl")


@pytest.mark.parametrize("size", [0, 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 20 * MIB])
def test_a_drop_streams_whole_and_in_order(storage: Rig, folder: str, size: int) -> None:
    data = pattern(size)
    storage.write("datasets", f"{folder}/a.jsonl", data)
    pieces = list(storage.drops.open(storage.drops.find(f"{folder}/a.jsonl")))
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= 4 * MIB for piece in pieces)


@pytest.mark.parametrize("fate", ["written again", "deleted"])
def test_a_drop_that_changes_under_the_reader_has_changed(storage: Rig, folder: str, fate: str) -> None:
    path, data = f"{folder}/a.jsonl", pattern(20 * MIB)
    storage.write("datasets", path, data)
    pieces = storage.drops.open(storage.drops.find(path))
    assert next(pieces) == data[: 4 * MIB]
    if fate == "deleted":
        storage.delete("datasets", path)
    else:
        storage.write("datasets", path, data)
    seen = 1
    with pytest.raises(Changed):  # noqa: PT012 - it may be any of the later pieces
        for piece in pieces:
            assert piece == data[seen * 4 * MIB : (seen + 1) * 4 * MIB]
            seen += 1
    assert seen < 5


def test_an_empty_drop_that_was_replaced_has_changed(storage: Rig, folder: str) -> None:
    storage.write("datasets", f"{folder}/a.jsonl", b"")
    drop = storage.drops.find(f"{folder}/a.jsonl")
    storage.write("datasets", f"{folder}/a.jsonl", b"")
    with pytest.raises(Changed):
        list(storage.drops.open(drop))
    with pytest.raises(Changed):
        list(storage.drops.open(replace(drop, path=f"{folder}/none.jsonl")))


def test_a_reader_may_stop_early(storage: Rig, folder: str) -> None:
    storage.write("datasets", f"{folder}/a.jsonl", pattern(20 * MIB))
    pieces = storage.drops.open(storage.drops.find(f"{folder}/a.jsonl"))
    next(pieces)
    del pieces
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("drop-range")]


@pytest.mark.parametrize("retrain", [True, False])
def test_an_upload_is_a_drop(storage: Rig, folder: str, *, retrain: bool) -> None:
    data = pattern(9 * MIB)
    made = storage.drops.upload(f"{folder}/a.jsonl", io.BytesIO(data), retrain=retrain)
    assert made == storage.drops.find(f"{folder}/a.jsonl")
    assert (made.size, made.retrain) == (9 * MIB, retrain)
    assert b"".join(storage.drops.open(made)) == data


def test_recipes_are_read_by_name(storage: Rig, folder: str) -> None:
    storage.write("recipes", f"{folder}.yaml", b"base_model: {name: Phi-4}\n")
    text, etag = storage.recipes.read(folder)
    assert text == b"base_model: {name: Phi-4}\n"
    assert etag
    assert '"' not in etag
    with pytest.raises(Missing):
        storage.recipes.read(f"{folder}-none")


def test_recipes_are_the_yaml_files_at_the_top(storage: Rig, folder: str) -> None:
    for path in (f"{folder}-b.yaml", f"{folder}-a.yaml", f"{folder}/deep.yaml", f"{folder}.txt"):
        storage.write("recipes", path, b"")
    found = [name for name in storage.recipes.names() if name.startswith(folder)]
    assert found == [f"{folder}-a", f"{folder}-b"]


@pytest.mark.parametrize("size", [0, 1, 4 * MIB, 4 * MIB + 1, 10 * MIB])
def test_a_prepared_file_comes_back_as_it_was_written(storage: Rig, folder: str, size: int) -> None:
    data = pattern(size)
    with storage.prepared.writer(f"{folder}/train.jsonl") as file:
        for start in range(0, size, 700_001):
            part = data[start : start + 700_001]
            assert file.write(part) == len(part)
    assert b"".join(storage.prepared.read(f"{folder}/train.jsonl")) == data


def test_a_prepared_file_takes_any_bytes_and_text_wrappers(storage: Rig, folder: str) -> None:
    with storage.prepared.writer(f"{folder}/a") as file:
        file.write(bytearray(b"one "))
        file.write(memoryview(b"--two")[2:])
        with pytest.raises(TypeError):
            file.write("text")  # type: ignore[call-overload]  # what a careless caller does
    with storage.prepared.writer(f"{folder}/b") as file, io.TextIOWrapper(file, "utf-8") as text:
        text.write("grüezi\n")
    assert b"".join(storage.prepared.read(f"{folder}/a")) == b"one two"
    assert b"".join(storage.prepared.read(f"{folder}/b")) == "grüezi\n".encode()


def test_a_failure_inside_leaves_no_file(storage: Rig, folder: str) -> None:
    def fail(path: str) -> None:
        with storage.prepared.writer(path) as file:
            file.write(pattern(9 * MIB))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail(f"{folder}/new")
    with pytest.raises(Missing):
        list(storage.prepared.read(f"{folder}/new"))
    with storage.prepared.writer(f"{folder}/old") as file:
        file.write(b"as it was")
    with pytest.raises(ZeroDivisionError):
        fail(f"{folder}/old")
    assert b"".join(storage.prepared.read(f"{folder}/old")) == b"as it was"
    with storage.prepared.writer(f"{folder}/new") as file:
        file.write(b"after all")
    assert b"".join(storage.prepared.read(f"{folder}/new")) == b"after all"


def test_a_file_is_not_there_before_its_end(storage: Rig, folder: str) -> None:
    with storage.prepared.writer(f"{folder}/a") as file:
        file.write(pattern(9 * MIB))
        with pytest.raises(Missing):
            list(storage.prepared.read(f"{folder}/a"))
    with pytest.raises(ValueError, match="closed"):
        file.write(b"too late")


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
