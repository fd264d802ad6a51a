"""`droptune fetch-dataset` from a local folder; the hub is the same call, and is not reached by tests."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

import pytest

from shared.cli.main import main
from tests.datasets.helpers import check

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


def test_an_unknown_name_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch-dataset", str(tmp_path / "nothing")]) == 1
    assert "cannot be found" in capsys.readouterr().err
    assert main(["fetch-dataset", "x", "--split-pc", "0"]) == 1
    assert "is no percentage" in capsys.readouterr().err
