"""Folder drops, packed drops and odd drops: what becomes of them, from the event to the prepared files."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.app.advance import advance
from shared.app.receive import receive
from shared.app.uploading import upload_folder
from shared.domain.errors import Changed, Permanent, Transient
from shared.domain.run import State
from tests.app.life import Life, chats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.domain.run import Run

WEEK = {
    "train.jsonl": chats(40, "train"),
    "validation.jsonl.gz": gzip.compress(chats(6, "validation")),
    "test.jsonl": chats(5, "test"),
}


def put(life: Life, files: dict[str, bytes], folder: str = "support/week/", *, mark: bool = True) -> None:
    """Write files in a row, the mark last."""
    for name, data in files.items():
        life.storage.drops.put(folder + name, data)
    if mark:
        life.storage.drops.put(folder + "_SUCCESS", b"")


def drop(life: Life, files: dict[str, bytes]) -> Run:
    put(life, files)
    name = receive(life.world, "support/week/_SUCCESS")
    assert name is not None
    advance(life.world, life.timing, name)
    return life.run(name)


def asked(life: Life, run: Run, part: str) -> list[str]:
    assert run.prepared is not None
    data = life.storage.prepared.box.read(f"{run.prepared.folder}/{part}.jsonl").data
    return [json.loads(line)["messages"][0]["content"] for line in data.splitlines()]


def test_a_folder_trains_on_the_parts_it_gives() -> None:
    life = Life()
    run = drop(life, WEEK)
    assert run.state is State.TRAINING
    assert run.history[0].reason.startswith("support/week/ was dropped (3 files, ")
    assert asked(life, run, "validation") == [f"validation question {n}?" for n in range(6)]
    assert asked(life, run, "test") == [f"test question {n}?" for n in range(5)]
    assert sorted(asked(life, run, "train")) == sorted(f"train question {n}?" for n in range(40))
    life.tick()
    life.train(run.name)
    assert life.until(run.name, "live").state is State.LIVE


def test_a_file_of_a_folder_sets_off_nothing_before_the_mark_is_there() -> None:
    life = Life()
    put(life, WEEK, mark=False)
    for name in WEEK:
        assert receive(life.world, f"support/week/{name}") is None
    for _ in range(9):
        life.tick()
    assert list(life.ledger.runs()) == []
    put(life, {})
    for _ in range(9):
        life.tick()
    assert [name[:23] for name in life.ledger.runs()] == ["support-20261124120900-"]


def test_a_doubled_mark_event_makes_one_run() -> None:
    life = Life()
    put(life, WEEK)
    assert len({receive(life.world, "support/week/_SUCCESS") for _ in range(3)}) == 1
    for _ in range(9):
        life.tick()
    assert len(list(life.ledger.runs())) == 1


def test_a_new_mark_on_the_same_files_is_the_same_again() -> None:
    life = Life()
    first = drop(life, WEEK)
    life.tick()
    life.train(first.name)
    life.until(first.name, "live")
    again = drop(life, {})
    assert again.name != first.name
    assert (again.state, again.same_as) == (State.UNCHANGED, first.name)
    life.tick()
    life.storage.drops.put("support/week/_SUCCESS", b"", {"retrain": "true"})
    once_more = receive(life.world, "support/week/_SUCCESS")
    assert once_more is not None
    advance(life.world, life.timing, once_more)
    assert life.run(once_more).state is State.TRAINING


@pytest.mark.parametrize("fate", ["overwritten", "deleted", "added", "unmarked"])
def test_a_folder_that_changes_before_it_is_read_is_superseded(fate: str) -> None:
    life = Life()
    put(life, {name: WEEK[name] for name in ("train.jsonl", "test.jsonl")})
    name = receive(life.world, "support/week/_SUCCESS")
    assert name is not None
    if fate == "overwritten":
        put(life, {"test.jsonl": WEEK["test.jsonl"]}, mark=False)
    elif fate == "added":
        put(life, {"validation.jsonl": chats(5, "more")}, mark=False)
    else:
        life.storage.drops.box.delete(f"support/week/{'test.jsonl' if fate == 'deleted' else '_SUCCESS'}")
    advance(life.world, life.timing, name)
    run = life.run(name)
    assert run.state is State.SUPERSEDED
    assert "folder was" in run.reason
    assert life.azureml.jobs.names == []


@pytest.mark.parametrize("path", ["support/a.jsonl", "support/week/train.jsonl", "support/week/test.jsonl"])
def test_what_is_overwritten_while_it_is_read_is_superseded(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life()
    put(life, WEEK)
    life.storage.drops.put("support/a.jsonl", chats())
    whole = type(life.storage.drops).open

    def overwritten(drops: Any, source: Any) -> Iterator[bytes]:
        for piece in whole(drops, source):
            yield piece[:10]
            if source.path == path:
                drops.put(path, chats(41))
            yield from whole(drops, source)

    monkeypatch.setattr(type(life.storage.drops), "open", overwritten)
    name = receive(life.world, path if "week" not in path else "support/week/_SUCCESS")
    assert name is not None
    advance(life.world, life.timing, name)
    run = life.run(name)
    assert (run.state, run.prepared) == (State.SUPERSEDED, None)
    assert "was overwritten before it was read" in run.reason


def test_what_is_changed_after_the_mark_waits_for_a_new_one() -> None:
    life = Life()
    first = drop(life, WEEK)
    life.tick(300)
    put(life, {"train.jsonl": chats(50, "newer")}, mark=False)
    life.storage.drops.box.delete("support/week/test.jsonl")
    assert receive(life.world, "support/week/_SUCCESS") == first.name
    for _ in range(9):
        life.tick()
    assert list(life.ledger.runs()) == [first.name]
    put(life, {})
    assert receive(life.world, "support/week/_SUCCESS") != first.name


def test_a_changed_folder_wakes_nobody_at_each_listing() -> None:
    life = Life()
    run = drop(life, {"test.jsonl": chats()})
    assert run.state is State.REJECTED
    life.tick()
    put(life, {"train.jsonl": chats(40, "late")}, mark=False)
    before = life.storage.count("steps.send")
    for _ in range(20):
        life.tick()
    assert life.storage.count("steps.send") == before
    assert list(life.ledger.runs()) == [run.name]


def test_a_mark_that_came_too_early_is_refused_and_a_later_one_is_not() -> None:
    life = Life()
    put(life, {})
    life.tick(60)
    put(life, WEEK, mark=False)
    for _ in range(9):
        life.tick()
    [name] = life.ledger.runs()
    assert "written to after its _SUCCESS" in life.run(name).reason
    assert drop(life, {}).state is State.TRAINING


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"test.jsonl": chats()}, "holds no train file"),
        ({"train.jsonl": chats(), "train.jsonl.gz": chats()}, "holds 2 train files"),
        ({"train.jsonl": chats(), "readme.md": b"hi"}, "holds readme.md"),
        ({"train.jsonl": chats(), "a/train.jsonl": chats()}, "holds a/train.jsonl"),
    ],
)
def test_a_folder_that_cannot_be_read_is_rejected_with_a_reason(files: dict[str, bytes], said: str) -> None:
    life = Life()
    run = drop(life, files)
    assert (run.state, run.problem and run.problem.code) == (State.REJECTED, "drop-refused")
    assert said in run.reason


def test_a_question_on_two_sides_is_rejected_with_both_places() -> None:
    life = Life()
    run = drop(life, WEEK | {"test.jsonl": chats(5, "test") + chats(1, "train")})
    assert run.state is State.REJECTED
    assert run.problem is not None
    assert "(train.jsonl lines 1)" in run.problem.message
    assert "droptune check DIR" in run.problem.help
    assert run.prepared is not None
    [fault] = [one for one in run.prepared.findings if one["code"] == "DT109"]
    assert (fault["file"], fault["line"]) == ("train.jsonl", 1)
    assert "line 6 of test.jsonl" in fault["found"]


def parquet(data: bytes) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([json.loads(line) for line in data.splitlines()]), file)
    return file.getvalue()


@pytest.mark.parametrize(("ending", "pack"), [(".jsonl.gz", gzip.compress), (".parquet", parquet)])
def test_a_packed_drop_trains_on_its_rows(ending: str, pack: Callable[[bytes], bytes]) -> None:
    life = Life()
    name = life.drop(f"support/a{ending}", pack(chats(60)))
    run = life.run(name)
    assert run.state is State.TRAINING
    questions = [question for part in ("train", "validation", "test") for question in asked(life, run, part)]
    assert sorted(questions) == sorted(f"shop question {n}?" for n in range(60))
    again = life.drop("support/b.jsonl", chats(60))
    assert life.run(again).same_as == name


EMPTY = {
    "no byte": b"",
    "blank lines": b"\n\n \n",
    "a mark alone": b"\xef\xbb\xbf",
    "gzip of nothing": gzip.compress(b""),
    "parquet of no row": parquet(b""),
}


@pytest.mark.parametrize("data", EMPTY.values(), ids=EMPTY.keys())
@pytest.mark.parametrize("path", ["support/a.jsonl", "support/week/test.jsonl"])
def test_a_file_without_rows_is_rejected(path: str, data: bytes) -> None:
    life = Life()
    run = drop(life, WEEK | {"test.jsonl": data}) if "week" in path else life.run(life.drop(path, data))
    assert run.state is State.REJECTED
    assert run.reason.endswith("holds no row")
    assert run.prepared is not None
    assert run.prepared.counts["DT101"] == 1


def opened(files: dict[str, bytes]) -> dict[str, Callable[[], io.BytesIO]]:
    return {name: lambda data=data: io.BytesIO(data) for name, data in files.items()}  # type: ignore[misc]


def test_an_upload_writes_the_mark_last() -> None:
    life = Life()
    dropped = upload_folder(life.world.drops, "support/week/", opened(WEEK), retrain=True)
    assert dropped.retrain
    assert [one.name for one in dropped.members] == sorted(WEEK)
    assert receive(life.world, "support/week/_SUCCESS") == dropped.run


@pytest.mark.parametrize("failing", range(len(WEEK) + 1))
def test_half_an_upload_is_no_drop_and_can_be_done_again(failing: int) -> None:
    life = Life()
    uploads = life.storage.drops.upload
    count = iter(range(100))

    def upload(path: str, source: Any, *, retrain: bool) -> Any:
        if next(count) == failing:
            raise Transient("storage-unavailable", "away")
        return uploads(path, source, retrain=retrain)

    life.storage.drops.upload = upload  # type: ignore[method-assign]
    with pytest.raises(Transient):
        upload_folder(life.world.drops, "support/week/", opened(WEEK), retrain=False)
    for _ in range(9):
        life.tick()
    assert list(life.ledger.runs()) == []
    dropped = upload_folder(life.world.drops, "support/week/", opened(WEEK), retrain=False)
    assert receive(life.world, "support/week/_SUCCESS") == dropped.run


def test_an_upload_does_not_mix_with_what_lies_there() -> None:
    life = Life()
    put(life, {"test.parquet": b"older", ".DS_Store": b""}, mark=False)
    with pytest.raises(Permanent, match=r"holds test\.parquet already"):
        upload_folder(life.world.drops, "support/week/", opened(WEEK), retrain=False)
    assert "support/week/train.jsonl" not in {blob.name for blob in life.storage.drops.box.all()}


def test_an_upload_that_meets_another_says_so() -> None:
    life = Life()
    uploads = life.storage.drops.upload

    def upload(path: str, source: Any, *, retrain: bool) -> Any:
        if path.endswith("_SUCCESS"):
            life.storage.drops.put("support/week/train.jsonl", b"another's")
        return uploads(path, source, retrain=retrain)

    life.storage.drops.upload = upload  # type: ignore[method-assign]
    with pytest.raises(Changed, match="Somebody else wrote"):
        upload_folder(life.world.drops, "support/week/", opened(WEEK), retrain=False)
