"""The split: no question on two sides, no row moves, small parts are filled, any chunking gives the same."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets import CheckOptions, prepare
from shared.datasets.hashes import Hashes
from tests.datasets.helpers import Files, chat, good, jsonl, split

texts = st.text(min_size=1, max_size=30).filter(lambda text: text.strip())
rows = st.lists(st.builds(chat, texts, texts), min_size=1, max_size=120)
PARTS = ("train", "validation", "test")


def question(row: dict[str, Any]) -> str:
    return " ".join(row["messages"][0]["content"].casefold().split())


@given(rows)
@settings(max_examples=150, deadline=None)
def test_every_accepted_row_stands_in_one_part(given_rows: list[dict[str, Any]]) -> None:
    report, files = split(jsonl(given_rows), dedupe=False, max_bad_fraction=1)
    written = [json.dumps(row["messages"]) for part in PARTS for row in files.rows(part)]
    accepted = [json.dumps(row["messages"]) for row in given_rows]
    assert sorted(written) == sorted(accepted)
    assert report.rows.accepted == len(given_rows)


@given(rows)
@settings(max_examples=150, deadline=None)
def test_no_question_stands_on_two_sides(given_rows: list[dict[str, Any]]) -> None:
    if len({question(row) for row in given_rows}) < 3:
        return
    _report, files = split(jsonl(given_rows), dedupe=False, max_bad_fraction=1)
    sides = [{question(row) for row in files.rows(part)} for part in PARTS]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


@given(rows, st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_any_chunking_gives_the_same(given_rows: list[dict[str, Any]], size: int) -> None:
    data = jsonl(given_rows) + b"oops\n"
    whole, pieces = Files(), Files()
    once = prepare([data], CheckOptions(), whole)
    cut = prepare((data[i : i + size] for i in range(0, len(data), size)), CheckOptions(), pieces)
    assert once == cut
    assert whole.data == pieces.data


def test_a_row_never_moves_when_others_come() -> None:
    _report, few = split(jsonl(good(2000)))
    _report, many = split(jsonl(good(4000)))
    for part in PARTS:
        before, after = ({question(row) for row in files.rows(part)} for files in (few, many))
        assert before <= after


def test_small_parts_are_filled_up_and_said_so() -> None:
    report, files = split(jsonl(good(14)), validation_fraction=0.01, test_fraction=0.01)
    assert len(files.rows("validation")) >= 2
    assert len(files.rows("test")) >= 2
    assert report.counts["DT108"] == 1


def test_one_question_asked_often_is_split_by_whole_rows() -> None:
    report, files = split(jsonl([chat("Same?", f"Answer {n}.") for n in range(60)]))
    assert report.counts["DT107"] == 1
    assert all(files.rows(part) for part in PARTS)


def test_no_part_is_empty_even_where_none_is_asked_for() -> None:
    report, files = split(jsonl(good()), validation_fraction=0, test_fraction=0)
    assert len(files.rows("validation")) == len(files.rows("test")) == 2
    assert report.counts["DT108"] == 1


def test_duplicates_are_left_out_once_and_counted() -> None:
    report, files = split(jsonl([*good(), *good(5)]))
    assert report.rows.duplicates == 5
    assert sum(len(files.rows(part)) for part in PARTS) == 40
    kept, _files = split(jsonl([*good(), *good(5)]), dedupe=False)
    assert kept.rows.accepted == 45


def test_prepared_rows_all_have_the_same_columns() -> None:
    mixed = [*good(20), *(chat(f"Other {n}?", prompt="P", prompt_id="7", note="x") for n in range(20))]
    _report, files = split(jsonl(mixed))
    assert {tuple(row) for part in PARTS for row in files.rows(part)} == {("messages", "prompt", "prompt_id")}


def test_white_space_and_name_change_no_digest_but_content_does() -> None:
    one, _files = split(jsonl(good()))
    spaced, _files = split(
        b"".join(json.dumps(row, indent=None, separators=(" , ", " : ")).encode() + b"\n" for row in good())
    )
    other, _files = split(jsonl(good(41)))
    assert one.data_digest == spaced.data_digest
    assert one.source_digest != spaced.source_digest
    assert one.data_digest != other.data_digest


def test_refused_rows_are_written_with_line_code_and_reason() -> None:
    _report, files = split(jsonl([*good(), b"oops"]), max_bad_fraction=1)
    [refused] = files.rows("rejected")
    assert (refused["line"], refused["code"]) == (41, "DT201")


@given(st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 40), max_size=200), max_size=20))
@settings(max_examples=60, deadline=None)
def test_the_sorted_runs_remember_as_a_set_does(batches: list[list[int]]) -> None:
    seen, known = Hashes(), set[int]()
    for batch in batches:
        expected = []
        for value in batch:
            expected.append(value not in known)
            known.add(value)
        assert seen.add(batch).tolist() == expected
    assert seen.holds([*known, *range(50)]).tolist() == [value in known for value in [*known, *range(50)]]


def test_many_small_batches_stay_few_runs() -> None:
    seen = Hashes()
    for batch in range(300):
        assert seen.add(range(batch * 300, batch * 300 + 300)).all()
    assert len(seen._runs) < 8
