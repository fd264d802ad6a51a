"""Folder drops: when they are whole, what names their run, what is refused and how it is said."""

from __future__ import annotations

import itertools
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import folders
from shared.domain.drops import ENDINGS, PARTS, Drop
from shared.domain.run import Run
from tests.domain import builders
from tests.domain.builders import NOON

names = st.sampled_from(
    [part + ending for part in PARTS for ending in ENDINGS] + ["notes.txt", "old/train.jsonl"]
)


def blob(path: str, *, etag: str = "0x1", seconds: float = 0, retrain: bool = False) -> Drop:
    return Drop(path, etag, NOON + timedelta(seconds=seconds), 10, retrain)


def folder(*members: str, mark: float = 0, **etags: str) -> Drop:
    blobs = [blob(f"support/week/{name}", etag=etags.get(name.split(".")[0], "0x1")) for name in members]
    found = folders.whole("support/week/", [*blobs, blob("support/week/_SUCCESS", etag="0xF", seconds=mark)])
    assert found is not None
    return found


def test_a_folder_is_a_drop_once_its_mark_is_there() -> None:
    members = [blob("support/week/train.jsonl"), blob("support/week/test.jsonl.gz")]
    assert folders.whole("support/week/", members) is None
    mark = blob("support/week/_SUCCESS", etag="0xF", seconds=60, retrain=True)
    found = folders.whole("support/week/", [mark, *members])
    assert found is not None
    assert (found.path, found.recipe, found.modified) == ("support/week/", "support", mark.modified)
    assert (found.size, found.retrain) == (20, True)
    assert [(one.name, one.part) for one in found.members] == [
        ("test.jsonl.gz", "test"),
        ("train.jsonl", "train"),
    ]
    assert folders.problem(found) is None


def test_the_mark_gives_the_time_and_the_members_the_rest_of_the_runs_name() -> None:
    one = folder("train.jsonl", "test.jsonl", mark=60)
    assert one.run.startswith("support-20261124120100-")
    assert folder("train.jsonl", "test.jsonl", mark=61).run[-8:] == one.run[-8:]
    assert folder("train.jsonl", "test.jsonl", mark=60, test="0x2").run[-8:] != one.run[-8:]
    assert folder("train.jsonl", "validation.jsonl", mark=60).run[-8:] != one.run[-8:]


def test_two_folders_without_files_have_two_runs() -> None:
    marks = [blob("support/a/_SUCCESS"), blob("support/b/_SUCCESS")]
    one, other = folders.listed(marks)
    assert one.run != other.run


@given(st.lists(names, unique=True, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_members_never_matters(members: list[str], random: object) -> None:
    mixed = list(members)
    random.shuffle(mixed)  # type: ignore[attr-defined]  # Hypothesis gives a Random
    one, other = folder(*members), folder(*mixed)
    assert (one.run, one.members, folders.problem(one)) == (other.run, other.members, folders.problem(other))
    assert one.is_still(other)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["", "w", "x.jsonl", "x"]), names), max_size=12
    )
)
def test_every_blob_of_a_listing_is_in_one_drop_or_waits(parts: list[tuple[str, str, str]]) -> None:
    paths = sorted({"/".join(filter(None, one)) for one in parts} | {"a/w/_SUCCESS"})
    found = list(folders.listed(blob(path) for path in paths))
    assert len({drop.path for drop in found}) == len(found)
    for path in paths:
        ours = [drop for drop in found if path == drop.path or path in {one.path for one in drop.members}]
        waits = path.count("/") == 2 and not path.startswith("a/w/")
        assert bool(ours) != (waits or path.endswith("_SUCCESS"))


@pytest.mark.parametrize(
    ("members", "found", "expected"),
    [
        ([], "holds no train file", "train.jsonl or train.jsonl.gz or train.parquet"),
        (["test.jsonl"], "holds no train file", "train.jsonl"),
        (["train.jsonl", "train.parquet"], "holds 2 train files: train.jsonl, train.parquet", "one"),
        (["train.jsonl", "notes.txt"], "holds notes.txt", "nothing but train, validation, test"),
        (["train.jsonl", "Test.jsonl"], "holds Test.jsonl", ".jsonl or .jsonl.gz or .parquet"),
        (["train.jsonl", "dev.jsonl"], "holds dev.jsonl", "validation"),
        (["train.jsonl", "old/train.jsonl"], "holds old/train.jsonl", "nothing but"),
        (["train.jsonl", *(f"part-{n}.jsonl" for n in range(7))], "part-4.jsonl and 2 more", "nothing but"),
    ],
)
def test_a_folder_that_cannot_be_read_is_refused_with_a_reason(
    members: list[str], found: str, expected: str
) -> None:
    problem = folders.problem(folder(*members))
    assert problem is not None
    assert problem.message.startswith("The folder 'support/week/' ")
    assert found in problem.message
    assert expected in problem.message
    assert problem.help.endswith("droptune drop DIR --recipe RECIPE")


def test_a_folder_of_thousands_of_files_makes_a_small_document() -> None:
    found = folder("train.jsonl", *(f"part-{n:05}.jsonl" for n in range(3000)))
    problem = folders.problem(found)
    assert problem is not None
    assert "part-00004.jsonl and many more" in problem.message
    assert len(msgspec.json.encode(builders.run(drop=found))) < 32_000
    assert found.size == 10 * 3001


@pytest.mark.parametrize("litter", [".DS_Store", "._train.jsonl", ".ipynb_checkpoints/train.jsonl", ""])
def test_what_a_desktop_leaves_behind_is_nobodys_data(litter: str) -> None:
    assert folder("train.jsonl", litter).run == folder("train.jsonl").run
    assert folders.problem(folder("train.jsonl", litter)) is None


@pytest.mark.parametrize(("seconds", "late"), [(0, False), (5, False), (6, True)])
def test_a_file_written_after_the_mark_is_refused(seconds: float, *, late: bool) -> None:
    files = [blob("support/week/train.jsonl", seconds=seconds), blob("support/week/_SUCCESS")]
    found = folders.whole("support/week/", files)
    assert found is not None
    assert found.settled == NOON + timedelta(seconds=seconds)
    problem = folders.problem(found)
    assert (problem is not None) == late
    if problem is not None:
        assert "written to after its _SUCCESS: train.jsonl" in problem.message


@pytest.mark.parametrize(
    "other",
    [
        folder("train.jsonl"),
        folder("train.jsonl", "test.jsonl", "validation.jsonl"),
        folder("train.jsonl", "test.jsonl", train="0x2"),
    ],
)
def test_a_folder_whose_files_are_others_is_another(other: Drop) -> None:
    assert not folder("train.jsonl", "test.jsonl").is_still(other)
    assert folder("train.jsonl", "test.jsonl").is_still(folder("test.jsonl", "train.jsonl", mark=9))


def test_a_document_written_before_there_were_folders_still_reads() -> None:
    run = builders.run()
    document = msgspec.to_builtins(run)
    assert not document["drop"].pop("members")
    assert msgspec.json.decode(msgspec.json.encode(document), type=Run) == run
    dropped = folder("train.jsonl", "test.jsonl")
    whole = builders.run(drop=dropped)
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Run).drop == dropped


def test_every_name_of_a_member_is_known_once() -> None:
    for part, ending in itertools.product(PARTS, ENDINGS):
        [member] = folder(part + ending).members
        assert (member.name, member.part) == (part + ending, part)
