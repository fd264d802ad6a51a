"""`check DIR` and `drop DIR` over fakes: what is read, what is uploaded in which order, what is refused."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from shared.app.advance import advance
from shared.app.receive import receive
from shared.cli.dataset import opened
from shared.cli.main import main
from tests.app.life import Life, chats

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def week(tmp_path: Path) -> Path:
    folder = tmp_path / "week"
    folder.mkdir()
    (folder / "train.jsonl").write_bytes(chats(40, "train"))
    (folder / "test.jsonl.gz").write_bytes(gzip.compress(chats(5, "test")))
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "_SUCCESS").write_bytes(b"")
    return folder


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_check_reads_a_folder_as_its_drop_would_be_read(
    week: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(week), "--json", "--html", str(week.parent / "r.html")]) == 0
    report = printed(capsys)
    assert (report["verdict"], report["rows"]["test"]) == ("usable", 5)
    assert "Usable" in (week.parent / "r.html").read_text("utf-8")


def test_check_names_the_file_of_each_fault(week: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (week / "test.jsonl.gz").write_bytes(gzip.compress(chats(5, "test") + chats(1, "train") + b"oops\n"))
    assert main(["check", str(week)]) == 2
    said = capsys.readouterr().out
    assert "DT109 error   line 1 of train.jsonl: the same row as in line 6 of test.jsonl.gz" in said
    assert "DT201 error   line 7 of test.jsonl.gz: " in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("notes.txt", "holds notes.txt"),
        ("train.parquet", "holds 2 train files: train.jsonl, train.parquet"),
        ("sub/train.jsonl", "holds sub/;"),
    ],
)
@pytest.mark.parametrize("command", [["check"], ["drop", "--recipe", "support", "--no-check"]])
def test_a_folder_that_would_be_refused_stays_here(
    life: Life, week: Path, command: list[str], name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = week / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(chats())
    assert main([*command, str(week)]) == (3 if command == ["check"] else 1)
    told = capsys.readouterr().err
    assert said in told
    assert told.rstrip().endswith(f"droptune check {week}")
    assert list(life.storage.drops.box.all()) == []


def test_drop_uploads_a_folder_with_its_mark_last(
    life: Life, week: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drop", str(week), "--recipe", "support", "--retrain", "--json"]) == 0
    dropped = life.world.drops.find("support/week/")
    assert printed(capsys) == {"run": dropped.run}
    assert dropped.retrain
    assert [member.name for member in dropped.members] == ["test.jsonl.gz", "train.jsonl"]
    etags = {blob.name: blob.etag for blob in life.storage.drops.box.all()}
    assert max(etags, key=lambda name: int(etags[name], 16)) == "support/week/_SUCCESS"
    assert ".DS_Store" not in str(etags)
    name = receive(life.world, "support/week/_SUCCESS")
    assert name == dropped.run
    advance(life.world, life.timing, name)
    assert life.run(name).state == "training"


def test_a_folder_may_be_named_from_within(life: Life, week: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(week)
    assert main(["drop", ".", "--recipe", "support"]) == 0
    assert life.world.drops.find("support/week/").members


def test_a_bad_folder_stays_here(life: Life, week: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (week / "test.jsonl.gz").write_bytes(b"oops\n")
    assert main(["drop", str(week), "--recipe", "support"]) == 1
    assert list(life.storage.drops.box.all()) == []
    assert f"droptune check {week}" in capsys.readouterr().err


def test_fix_wants_one_file(week: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(week), "--fix", str(week.parent / "out")]) == 3
    said = capsys.readouterr().err
    assert "is a folder, and --fix mends one file at a time" in said
    assert said.rstrip().endswith(f"droptune check {week / 'test.jsonl.gz'} --fix OUT")


def test_a_file_that_the_app_would_refuse_by_its_name_stays_here(
    life: Life, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_bytes(chats())
    assert main(["drop", str(tmp_path / "a.json"), "--recipe", "support"]) == 1
    assert "unknown ending; expected .jsonl or .jsonl.gz or .parquet" in capsys.readouterr().err
    assert list(life.storage.drops.box.all()) == []


def test_a_rejected_folder_is_shown_with_its_files(
    life: Life, week: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (week / "train.jsonl").write_bytes(chats(40, "train") + b"oops\n")
    assert main(["drop", str(week), "--recipe", "support", "--no-check", "--json"]) == 0
    run = printed(capsys)["run"]
    receive(life.world, "support/week/_SUCCESS")
    advance(life.world, life.timing, run)
    assert main(["show", run]) == 0
    said = capsys.readouterr().out
    assert "DT201 error   line 41 of train.jsonl: " in said
    assert "droptune drop DIR --recipe support" in said


def test_an_upload_tells_how_far_it_is(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("a", "b")}
    told: list[int] = []
    for path in files.values():
        path.write_bytes(b"x" * 1000)
    for open_one in opened(files, told.append).values():
        with open_one() as file:
            assert isinstance(file, io.BufferedReader)
            while file.read(300):
                pass
    assert told[-1] == 2000
    assert told == sorted(told)
