"""`droptune fetch-dataset` from a local folder; the hub is the same call, and is not reached by tests."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.cli.main import main
from tests.datasets.helpers import chat, check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the library's cache and its network out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datasets
        import huggingface_hub

        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        yield


def sharegpt(count: int) -> str:
    rows = (
        {"conversations": [{"from": "human", "value": f"Q {n}?"}, {"from": "gpt", "value": f"A {n}."}]}
        for n in range(count)
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_part_of_each_split_is_written_in_the_pipelines_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "public", tmp_path / "out"
    source.mkdir()
    (source / "train.jsonl").write_text(sharegpt(200))
    (source / "test.jsonl").write_text(sharegpt(40))
    assert main(["fetch-dataset", str(source), "--split-pc", "50", "--out", str(out), "--json"]) == 0
    told = {one["split"]: one for one in json.loads(capsys.readouterr().out)}
    assert {split: one["rows"] for split, one in told.items()} == {"train": 100, "test": 20}
    assert check((out / "train.jsonl").read_bytes()).verdict == "usable"


ULTRACHAT = {"train_sft": 400, "test_sft": 100, "train_gen": 200, "test_gen": 60}


@pytest.mark.parametrize("described", [True, False])
def test_the_four_splits_of_ultrachat_become_four_files(
    described: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, out = tmp_path / "ultrachat_200k", tmp_path / "out"
    (source / "data").mkdir(parents=True)
    for split, count in ULTRACHAT.items():
        rows = [
            chat(f"{split} {n}?", f"{n}.", prompt=f"{split} {n}?", prompt_id=f"{n:064}") for n in range(count)
        ]
        for part in range(2):
            path = source / "data" / f"{split}-{part:05}-of-00002-3d4b2f6a1c.parquet"
            pq.write_table(pa.Table.from_pylist(rows[part::2]), path)
    if described:
        lines = [f"  - split: {split}\n    path: data/{split}-*\n" for split in ULTRACHAT]
        head = f"---\nconfigs:\n- config_name: default\n  data_files:\n{''.join(lines)}---\n"
        (source / "README.md").write_text(head)
    assert main(["fetch-dataset", str(source), "--split-pc", "5", "--out", str(out), "--json"]) == 0
    told = {
        one["split"]: (one["rows"], one["changed"], one["left_out"])
        for one in json.loads(capsys.readouterr().out)
    }
    assert told == {split: (count // 20, 0, 0) for split, count in ULTRACHAT.items()}
    assert {path.name for path in out.iterdir()} == {f"{split}.jsonl" for split in ULTRACHAT}
    for split in ULTRACHAT:
        for line in (out / f"{split}.jsonl").read_bytes().splitlines():
            row = json.loads(line)
            assert list(row) == ["messages", "prompt", "prompt_id"]
            assert row["prompt"] == row["messages"][0]["content"]
            assert row["prompt"].startswith(split)


def test_rows_of_another_format_are_given_every_column_and_changed_ones_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "public").mkdir()
    tail = {"from": "human", "value": "Thanks!"}
    more = {"conversations": [{"from": "human", "value": "Hi?"}, {"from": "gpt", "value": "Yes."}, tail]}
    (tmp_path / "public" / "train.jsonl").write_text(sharegpt(20) + json.dumps(more) + "\n")
    out = tmp_path / "out"
    assert (
        main(["fetch-dataset", str(tmp_path / "public"), "--split-pc", "100", "--out", str(out), "--json"])
        == 0
    )
    [told] = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["changed"], told["left_out"]) == (21, 1, 0)
    rows = [json.loads(line) for line in (out / "train.jsonl").read_bytes().splitlines()]
    assert all(list(row) == ["messages", "prompt", "prompt_id"] for row in rows)


def test_a_hub_that_cannot_be_reached_is_told_from_a_name_that_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fetch-dataset", "someone/some-chats"]) == 1
    told = capsys.readouterr().err
    assert "The hub did not give 'someone/some-chats'" in told
    assert "droptune fetch-dataset FOLDER" in told
    assert len(told.strip().splitlines()) == 1


def test_damaged_files_are_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "train.jsonl").write_bytes(b"\x00\x01 no rows")
    assert main(["fetch-dataset", str(tmp_path / "public"), "--out", str(tmp_path / "out")]) == 1
    assert "cannot be found or read" in capsys.readouterr().err.splitlines()[-1]


def test_an_unknown_name_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch-dataset", str(tmp_path / "nothing")]) == 1
    assert "cannot be found" in capsys.readouterr().err
    assert main(["fetch-dataset", "x", "--split-pc", "0"]) == 1
    assert "is no percentage" in capsys.readouterr().err
