"""What the ports Drops, Recipes and Prepared promise; held by the fakes and the real adapters alike."""

from __future__ import annotations

import io
import itertools
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from shared.domain.errors import Changed, Missing
from tests.contract.storage_rigs import WORLDS, now, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.storage_rigs import Rig

NUMBERS = itertools.count(1)
MIB = 1 << 20


@pytest.fixture(scope="module", params=WORLDS)
def storage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with world(request.param, tmp_path_factory.mktemp("storage")) as rig:
        yield rig


@pytest.fixture
def folder() -> str:
    """Name a folder that no other test uses."""
    return f"t{next(NUMBERS)}"


def pattern(size: int) -> bytes:
    """Make bytes in which no two places look alike for long."""
    return b"".join(number.to_bytes(8, "big") for number in range(size // 8 + 1))[:size]


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


def test_a_folder_is_found_once_it_is_whole(storage: Rig, folder: str) -> None:
    for name, data in (("train.jsonl", b"12345"), ("test.parquet", b"1"), (".DS_Store", b"litter")):
        storage.write("datasets", f"{folder}/week/{name}", data)
    with pytest.raises(Missing):
        storage.drops.find(f"{folder}/week/")
    assert not [drop for drop in storage.drops.all() if drop.path.startswith(f"{folder}/")]
    storage.write("datasets", f"{folder}/week/_SUCCESS", b"", {"Retrain": "true"})
    drop = storage.drops.find(f"{folder}/week/")
    assert (drop.path, drop.size, drop.retrain) == (f"{folder}/week/", 6, True)
    assert [(one.name, one.part, one.size) for one in drop.members] == [
        ("test.parquet", "test", 1),
        ("train.jsonl", "train", 5),
    ]
    for member in drop.members:
        alone = storage.drops.find(member.path)
        assert (alone.etag, alone.modified) == (member.etag, member.modified)
    assert [one for one in storage.drops.all() if one.path.startswith(f"{folder}/")] == [drop]


def test_a_listing_tells_folders_and_files_apart(storage: Rig, folder: str) -> None:
    for path in (
        "a.jsonl",
        "a.jsonl/_SUCCESS",
        "a.jsonl/train.jsonl",
        "b/test.jsonl",
        "b/deep/x",
        "c/_SUCCESS",
    ):
        storage.write("datasets", f"{folder}/{path}", b"")
    found = {
        drop.path.removeprefix(f"{folder}/"): [one.name for one in drop.members]
        for drop in storage.drops.all()
        if drop.path.startswith(f"{folder}/")
    }
    assert found == {"a.jsonl": [], "a.jsonl/": ["train.jsonl"], "b/deep/x": [], "c/": []}
    assert list(storage.drops.names(f"{folder}/b/")) == ["deep/x", "test.jsonl"]
    assert list(storage.drops.names(f"{folder}/none/")) == []


def test_what_stands_for_a_folder_is_no_blob(storage: Rig, folder: str) -> None:
    storage.write("datasets", f"{folder}/week", b"", {"hdi_isfolder": "true"})
    storage.write("datasets", f"{folder}/week/train.jsonl", b"1")
    storage.write("datasets", f"{folder}/week/_SUCCESS", b"")
    with pytest.raises(Missing):
        storage.drops.find(f"{folder}/week")
    assert [one.path for one in storage.drops.all() if one.path.startswith(f"{folder}/")] == [
        f"{folder}/week/"
    ]


def test_a_member_streams_whole_until_it_changes(storage: Rig, folder: str) -> None:
    data = pattern(9 * MIB)
    for name, content in (("train.jsonl", data), ("test.jsonl", b""), ("_SUCCESS", b"")):
        storage.write("datasets", f"{folder}/week/{name}", content)
    test, train = storage.drops.find(f"{folder}/week/").members
    assert b"".join(storage.drops.open(train)) == data
    assert b"".join(storage.drops.open(test)) == b""
    storage.write("datasets", test.path, b"")
    storage.delete("datasets", train.path)
    for member in (test, train):
        with pytest.raises(Changed):
            list(storage.drops.open(member))


def test_many_folders_are_listed_each_whole(storage: Rig, folder: str) -> None:
    for number in range(40):
        storage.write("datasets", f"{folder}/w{number:03}/train.jsonl", b"1")
        storage.write("datasets", f"{folder}/w{number:03}/_SUCCESS", b"")
    found = [drop for drop in storage.drops.all() if drop.path.startswith(f"{folder}/")]
    assert [drop.path for drop in found] == [f"{folder}/w{number:03}/" for number in range(40)]
    assert all(len(drop.members) == 1 for drop in found)


def test_recipes_are_read_by_name(storage: Rig, folder: str) -> None:
    storage.write("recipes", f"{folder}.yaml", b"base_model: {name: Phi-4}\n")
    text, etag = storage.recipes.read(folder)
    assert text == b"base_model: {name: Phi-4}\n"
    assert etag
    assert '"' not in etag
    with pytest.raises(Missing):
        storage.recipes.read(f"{folder}-none")


def test_a_base_models_tokenizer_is_read_file_by_file(storage: Rig, folder: str) -> None:
    assert storage.recipes.tokenizer(folder) == {}
    files = {"tokenizer.json": b"{}" * 100_000, "tokenizer_config.json": b"{}"}
    for name, data in files.items():
        storage.write("recipes", f"tokenizers/acme-{folder}/{name}", data)
    storage.write("recipes", f"tokenizers/acme-{folder}/model.safetensors", b"not asked for")
    assert storage.recipes.tokenizer(f"acme/{folder}") == files
    assert folder not in storage.recipes.names()


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


def test_prepared_files_are_listed_and_deleted(storage: Rig, folder: str) -> None:
    for path in (f"{folder}/c1/a", f"{folder}/c2/b", f"{folder}x/c"):
        with storage.prepared.writer(path) as file:
            file.write(b"rows")
    assert sorted(storage.prepared.names(f"{folder}/")) == [f"{folder}/c1/a", f"{folder}/c2/b"]
    storage.prepared.delete(f"{folder}/c1/a")
    storage.prepared.delete(f"{folder}/c1/a")
    assert list(storage.prepared.names(f"{folder}/")) == [f"{folder}/c2/b"]
    with pytest.raises(Missing):
        list(storage.prepared.read(f"{folder}/c1/a"))
