"""A data set in files: rows stay where they were put, no question is on two sides, order never matters."""

from __future__ import annotations

import gzip
import itertools
import json
import tracemalloc
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets import CheckOptions, Report, Source, prepare_parts, render_html
from shared.datasets.sides import Sides
from tests.datasets.helpers import Files, chat, good, jsonl, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.domain.drops import Part

PARTS: tuple[Part, ...] = ("train", "validation", "test")


def sources(files: Mapping[str, bytes]) -> list[Source]:
    return [Source([data], cast("Part", part), f"{part}.jsonl") for part, data in files.items()]


def in_files(options: Mapping[str, Any] | None = None, **data: bytes) -> tuple[Report, Files]:
    files = Files()
    return prepare_parts(sources(data), CheckOptions(**(options or {})), files), files


def some(name: str, count: int) -> bytes:
    return jsonl(chat(f"{name} question {n}?", f"{name} answer {n}.") for n in range(count))


def asked(files: Files, part: str) -> list[str]:
    return [row["messages"][0]["content"] for row in files.rows(part)]


def test_rows_stay_in_the_parts_they_were_given_for() -> None:
    report, files = in_files(train=some("a", 40), validation=some("b", 7), test=some("c", 5))
    assert report.verdict == "usable"
    assert (report.rows.train, report.rows.validation, report.rows.test) == (40, 7, 5)
    assert asked(files, "validation") == [f"b question {n}?" for n in range(7)]
    assert asked(files, "test") == [f"c question {n}?" for n in range(5)]
    assert sorted(asked(files, "train")) == sorted(f"a question {n}?" for n in range(40))
    assert report.counts == {}


def test_only_a_part_that_was_not_given_is_split_off() -> None:
    report, files = in_files(train=some("a", 400), validation=some("b", 7))
    assert report.rows.validation == 7
    assert report.rows.test > 10
    assert all(question.startswith("a") for part in ("train", "test") for question in asked(files, part))
    alone, _files = in_files(train=some("a", 400))
    assert alone.rows.test == report.rows.test
    assert alone.rows.validation > 10


def test_a_folder_of_train_alone_is_the_file() -> None:
    one, alone = split(jsonl(good(60)))
    report, files = in_files(train=jsonl(good(60)))
    assert files.data == alone.data
    assert (report.data_digest, report.rows) == (one.data_digest, one.rows)


def test_the_same_rows_on_other_sides_are_another_data_set() -> None:
    first, _files = in_files(train=some("a", 40), validation=some("b", 12))
    other, _files = in_files(train=some("a", 40), test=some("b", 12))
    again, _files = in_files(validation=some("b", 12), train=some("a", 40))
    assert first.data_digest != other.data_digest
    assert first.source_digest != other.source_digest
    assert again == first


@pytest.mark.parametrize(
    ("train", "held_out", "what"),
    [
        (chat("When do you open?", "At nine."), chat("When do you open?", "At nine."), "the same row"),
        (chat("when do YOU  open?", "At ten."), chat("When do you open?", "At nine."), "first question"),
    ],
)
@pytest.mark.parametrize("side", ["validation", "test"])
def test_a_question_on_two_sides_is_refused_with_both_lines(
    train: Any, held_out: Any, what: str, side: str
) -> None:
    data = {"train": some("a", 40) + jsonl([train]), side: some("b", 3) + jsonl([held_out])}
    other = "test" if side == "validation" else "validation"
    report, files = in_files(None, **data, **{other: some("z", 4)})
    [fault] = [one for one in report.findings if one.code == "DT109"]
    assert (fault.file, fault.line, fault.severity) == ("train.jsonl", 41, "error")
    assert what in fault.found
    assert fault.found.endswith(f"as in line 4 of {side}.jsonl")
    assert report.verdict == "rejected"
    [refused] = files.rows("rejected")
    assert (refused["file"], refused["line"], refused["code"]) == ("train.jsonl", 41, "DT109")
    assert train["messages"][0]["content"] in refused["text"]


def test_validation_and_test_may_not_ask_the_same_either() -> None:
    report, files = in_files(train=some("a", 40), validation=some("b", 5), test=some("b", 1) + some("c", 4))
    [fault] = report.findings
    assert (fault.code, fault.file, fault.line) == ("DT109", "test.jsonl", 1)
    assert "line 1 of validation.jsonl" in fault.found
    assert len(files.rows("validation")) == 5


@pytest.mark.parametrize(("severity", "counts"), [("warn", {"DT109": 2}), ("ignore", {})])
def test_a_recipe_may_take_leaks(severity: str, counts: dict[str, int]) -> None:
    report, files = in_files(
        {"severities": {"DT109": severity}},
        train=some("a", 40),
        validation=some("a", 2) + some("b", 4),
        test=some("z", 4),
    )
    assert report.verdict == "usable"
    assert report.counts == counts
    assert len(files.rows("train")) == 40


def test_copies_within_one_side_are_copies_and_no_leak() -> None:
    report, _files = in_files(train=some("a", 40), validation=some("b", 5) + some("b", 2), test=some("z", 4))
    assert report.counts == {"DT307": 2}
    assert {(one.file, one.line) for one in report.findings} == {
        ("validation.jsonl", 6),
        ("validation.jsonl", 7),
    }
    assert report.rows.validation == 5


def test_lines_are_the_files_own_and_every_file_is_named() -> None:
    report, files = in_files(
        {"max_bad_fraction": 0.5},
        train=some("a", 40) + b"oops\n",
        validation=b"\n" + some("b", 9) + b"[]",
        test=b"\xef\xbb\xbf" + some("c", 9),
    )
    assert [(one.file, one.line, one.code) for one in report.findings] == [
        ("test.jsonl", None, "DT103"),
        ("train.jsonl", 41, "DT201"),
        ("validation.jsonl", None, "DT105"),
        ("validation.jsonl", 1, "DT202"),
        ("validation.jsonl", 11, "DT209"),
    ]
    assert {(row["file"], row["line"]) for row in files.rows("rejected")} == {
        ("train.jsonl", 41),
        ("validation.jsonl", 11),
    }
    assert "line 41 of train.jsonl" in render_html(report, "folder")


def test_near_copies_are_told_with_both_files() -> None:
    words = "the quick brown fox jumps over the lazy dog while nobody in the whole town is looking at it"
    near = jsonl([chat(f"Tell it again: {words}", words)])
    held = jsonl([chat(f"Tell it again: {words}!", words)])
    report, _files = in_files(train=some("a", 40) + near, validation=some("b", 5) + held)
    [found] = [one for one in report.findings if one.code == "DT311"]
    assert (found.file, found.line) == ("train.jsonl", 41)
    assert found.found.endswith("line 6 of validation.jsonl")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"validation": b""}, "validation.jsonl holds no row"),
        ({"test": b"\n\n"}, "test.jsonl holds no row"),
        ({"validation": b"oops\n"}, "no validation row is left"),
        ({"test": gzip.compress(some("c", 40))[:-9]}, "test.jsonl cannot be used: gzip data that breaks off"),
        ({"train": some("a", 9)}, "9 train rows are left"),
    ],
)
def test_a_file_that_gives_nothing_is_named(data: dict[str, bytes], reason: str) -> None:
    whole = {"train": some("a", 40), "validation": some("b", 4), "test": some("c", 4)} | data
    report, _files = in_files({"max_bad_fraction": 0.9}, **whole)
    assert report.verdict == "rejected"
    assert reason in report.reason


def test_a_damaged_file_does_not_hide_the_faults_of_the_others() -> None:
    report, _files = in_files(
        train=some("a", 40) + b"oops\n", validation=gzip.compress(some("b", 40))[:-9], test=some("z", 4)
    )
    assert {(one.file, one.code) for one in report.findings} == {
        ("validation.jsonl", "DT112"),
        ("train.jsonl", "DT201"),
    }


def test_the_size_is_that_of_all_files_packed_or_not() -> None:
    data = {"train": some("a", 40), "validation": some("b", 40)}
    most = max(map(len, data.values())) + 10
    report, _files = in_files({"max_bytes": most}, **data)
    assert "DT102" in report.counts
    packed, _files = in_files(
        {"max_bytes": most}, **{part: gzip.compress(rows) for part, rows in data.items()}
    )
    assert "DT111" in packed.counts


def test_one_question_asked_often_is_no_matter_where_nothing_is_split() -> None:
    same = jsonl(chat("Same?", f"Answer {n}.") for n in range(40))
    report, files = in_files(train=same, validation=some("b", 3), test=some("c", 3))
    assert "DT107" not in report.counts
    assert len(files.rows("train")) == 40


def test_progress_goes_on_over_all_files() -> None:
    told: list[int] = []
    data = {"train": some("a", 40), "validation": some("b", 40)}
    prepare_parts(sources(data), CheckOptions(), None, told.append)
    assert told == sorted(told)
    assert told[-1] == sum(map(len, data.values()))


def test_several_cores_give_what_one_gives() -> None:
    data = {
        "train": some("a", 3000) + some("b", 5),
        "validation": some("b", 900),
        "test": b"[]\n" + some("c", 90),
    }
    alone, shared = Files(), Files()
    options = CheckOptions(max_bad_fraction=0.1)
    one = prepare_parts(sources(data), options, alone)
    two = prepare_parts(sources(data), options, shared, cores=2)
    assert one.counts["DT109"] == 5
    assert one == two
    assert alone.data == shared.data


questions = st.lists(st.sampled_from([f"Question {n}?" for n in range(30)]), min_size=1, max_size=40)


def _files_of(drawn: Mapping[str, list[str]]) -> dict[str, bytes]:
    return {
        part: jsonl(chat(q, f"{part} {n % 3}.") for n, q in enumerate(asked)) for part, asked in drawn.items()
    }


@given(st.fixed_dictionaries({"train": questions}, optional={"validation": questions, "test": questions}))
@settings(max_examples=150, deadline=None)
def test_no_question_stands_in_two_files_parts(drawn: dict[str, list[str]]) -> None:
    report, files = in_files({"max_bad_fraction": 1, "dedupe": False}, **_files_of(drawn))
    held = [set(asked(files, part)) for part in ("validation", "test") if part in drawn]
    rest = [set(asked(files, part)) for part in PARTS if part not in drawn or part == "train"]
    for one, other in itertools.chain(itertools.combinations(held, 2), itertools.product(held, rest)):
        assert not one & other
    first = next((part for part in ("validation", "test", "train") if part in drawn), "")
    earlier = set(drawn[first])
    leaks = 0
    for part in [part for part in ("validation", "test", "train") if part in drawn and part != first]:
        leaks += sum(question in earlier for question in drawn[part])
        earlier |= set(drawn[part])
    assert report.counts.get("DT109", 0) == leaks


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, questions)), st.permutations(PARTS), st.integers(1, 60))
@settings(max_examples=80, deadline=None)
def test_neither_order_nor_chunks_change_anything(
    drawn: dict[str, list[str]], order: list[Part], size: int
) -> None:
    data = _files_of(drawn)
    options, once, again = CheckOptions(max_bad_fraction=1), Files(), Files()

    def pieces(whole: bytes) -> Iterator[bytes]:
        return (whole[n : n + size] for n in range(0, len(whole), size))

    one = prepare_parts(sources(data), options, once)
    cut = [Source(pieces(data[part]), part, f"{part}.jsonl") for part in order]
    assert prepare_parts(cut, options, again) == one
    assert once.data == again.data


def test_a_held_out_row_takes_sixteen_bytes_and_a_train_row_none() -> None:
    rng = np.random.default_rng(1)
    held, train = rng.integers(0, 1 << 63, (2, 200_000), np.uint64)
    sides = Sides()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for begin in range(0, len(held), 2000):
            part = held[begin : begin + 2000]
            sides.note(part, part, np.arange(begin + 1, begin + len(part) + 1, dtype=np.uint64))
        sides.close("validation.jsonl")
        del part
        kept = tracemalloc.get_traced_memory()[0] - before
        assert kept <= 16.1 * len(held)
        assert not sides.among(train).any()
        assert tracemalloc.get_traced_memory()[0] - before <= 16.1 * len(held)
    finally:
        tracemalloc.stop()
    assert sides.among(held).all()
    assert sides.where(int(held[1234]), 7) == "the same first question as in line 1235 of validation.jsonl"


def test_of_rows_that_ask_the_same_the_same_row_is_named() -> None:
    train = jsonl([chat("Open?", "No.")])
    held = jsonl([chat("Open?", "Yes."), chat("Open?", "No."), *good(5)])
    report, _files = in_files(train=train + some("a", 40), validation=held, test=some("z", 4))
    assert report.findings[0].found == "the same row as in line 2 of validation.jsonl"


def test_json_says_the_file() -> None:
    report, _files = in_files(train=some("a", 40) + b"oops\n", validation=some("b", 4), test=some("z", 4))
    [found] = json.loads(report.to_json())["findings"]
    assert (found["file"], found["line"]) == ("train.jsonl", 41)
    assert Report.from_json(report.to_json()) == report
