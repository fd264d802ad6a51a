"""A folder of parts, each packed otherwise, on the whole stack: what was given is what is trained on."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.rig import Rig, chats

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("e2e")


@pytest.fixture
def week(tmp_path: Path) -> Path:
    folder = tmp_path / "week"
    folder.mkdir()
    train = chats(tmp_path / "a", "train").read_bytes()
    (folder / "train.jsonl.gz").write_bytes(gzip.compress(train))
    rows = chats(tmp_path / "b", "validation", 6).read_text("utf-8").splitlines()
    pq.write_table(pa.Table.from_pylist([json.loads(row) for row in rows]), folder / "validation.parquet")
    chats(folder / "test.jsonl", "test", 5)
    return folder


def test_a_dropped_folder_becomes_a_live_model(rig: Rig, week: Path) -> None:
    dropped = rig.droptune("drop", str(week), "--recipe", "lane-a", "--wait")
    assert dropped["state"] == "live"
    shown = rig.show(dropped["run"])
    assert shown["drop"]["path"] == "lane-a/week/"
    assert (shown["rows"]["train"], shown["rows"]["validation"], shown["rows"]["test"]) == (40, 6, 5)
    for part, count in (("train", 40), ("validation", 6), ("test", 5)):
        rows = [json.loads(line) for line in rig.prepared(f"{shown['prepared']}/{part}.jsonl").splitlines()]
        asked = {row["messages"][0]["content"] for row in rows}
        assert asked == {f"{part} question {n}?" for n in range(count)}


def test_a_question_on_two_sides_trains_nothing(rig: Rig, week: Path) -> None:
    before = rig.azureml("/admin/requests")["jobs"]
    chats(week / "test.jsonl", "train", 5)
    dropped = rig.droptune("drop", str(week), "--recipe", "lane-a", "--no-check", "--wait", good=(1,))
    assert dropped["state"] == "rejected"
    assert "line 5 of train.jsonl.gz: " in rig.run("show", dropped["run"]).stdout
    assert rig.azureml("/admin/requests")["jobs"] == before
