"""Which rows train: the slices and silent drops of the pipeline's preprocessing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local.azureml.rows import BadRows, Slice, prepare

if TYPE_CHECKING:
    from pathlib import Path

GOOD: list[Any] = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def files(folder: Path, **rows: list[Any]) -> dict[str, Path]:
    for part, content in rows.items():
        text = "".join(f"{json.dumps(row)}\n" for row in content)
        (folder / f"{part}.jsonl").write_text(text)
    return {part: folder / f"{part}.jsonl" for part in rows}


def good(count: int) -> list[Any]:
    return [{"messages": GOOD, "n": n} for n in range(count)]


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ({"train": 20, "validation": 3, "test": 2}, {"train": 20, "validation": 3, "test": 2}),
        ({"train": 20, "test": 2}, {"train": 16, "validation": 4, "test": 2}),
        ({"train": 20, "validation": 3}, {"train": 16, "validation": 3, "test": 4}),
        ({"train": 20}, {"train": 16, "validation": 2, "test": 2}),
        ({"train": 14, "test": 2}, {"train": 11, "validation": 3, "test": 2}),
        ({"train": 12, "test": 2}, {"train": 10, "validation": 2, "test": 2}),
    ],
)
def test_missing_files_are_cut_from_the_train_file(
    tmp_path: Path, given: dict[str, int], counts: dict[str, int]
) -> None:
    found = files(tmp_path, **{part: good(count) for part, count in given.items()})
    assert prepare(found, tmp_path / "out") == counts


def test_slices_of_one_file_leave_no_row_out() -> None:
    for rows in range(1, 60):
        parts = [Slice("train", a, b).bounds(rows) for a, b in ((0, 80), (80, 90), (90, 100))]
        assert [end for _, end in parts[:2]] == [start for start, _ in parts[1:]]
        assert (parts[0][0], parts[2][1]) == (0, rows)


def test_rows_without_a_conversation_vanish_in_silence(tmp_path: Path) -> None:
    dropped: list[Any] = [None, {"messages": None}, {"messages": []}, {"messages": GOOD[:1]}]
    found = files(tmp_path, train=good(10) + dropped, validation=good(1), test=good(1))
    assert prepare(found, tmp_path / "out")["train"] == 10


def test_other_columns_and_null_keys_go(tmp_path: Path) -> None:
    row = {"messages": [{**GOOD[0], "name": None}, GOOD[1]], "prompt_id": "x", "tools": None}
    found = files(tmp_path, train=[row] * 10, validation=good(1), test=good(1))
    prepare(found, tmp_path / "out")
    first = json.loads((tmp_path / "out" / "train.jsonl").read_text().splitlines()[0])
    assert first == {"messages": GOOD, "tools": None}


@pytest.mark.parametrize(
    ("line", "says"),
    [("{", "train.jsonl line 11 is no JSON"), ('{"a": 1}', "train.jsonl line 11 has no 'messages'")],
)
def test_a_line_that_can_not_be_read_is_named(tmp_path: Path, line: str, says: str) -> None:
    found = files(tmp_path, train=good(10), validation=good(1), test=good(1))
    with found["train"].open("a") as file:
        file.write(line + "\n")
    with pytest.raises(BadRows, match=says):
        prepare(found, tmp_path / "out")


def test_without_a_train_file_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadRows, match="train_file_path is missing"):
        prepare(files(tmp_path, test=good(3)), tmp_path / "out")
