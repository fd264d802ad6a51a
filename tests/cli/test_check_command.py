"""`droptune check`: its four exits, every finding as JSON, no network, no heavy library, a bar for people."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.cli import dropping, output
from shared.cli.main import main
from tests.datasets.helpers import chat, good, jsonl

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
LENIENT = "data: {max_bad_fraction: 0.5}\n"


def told(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    main(["check", str(path), "--json", *more])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


@pytest.mark.parametrize(
    ("rows", "more", "exit_code"),
    [
        (good(), (), 0),
        ([*good(), chat("<|user|> again?")], (), 0),
        ([*good(), chat("<|user|> again?")], ("--strict",), 2),
        (good(), ("--strict",), 0),
        ([*good(), b"oops"], ("--recipe", "lenient.yaml"), 1),
        ([*good(), b"oops"], ("--recipe", "lenient.yaml", "--strict"), 2),
        ([*good(), b"oops"], (), 2),
        ([], (), 2),
        (good(), ("--recipe", "missing.yaml"), 3),
        (good(), ("--html", "no/such/folder/report.html"), 3),
        (good(), ("--fix", "no/such/folder/out.jsonl"), 3),
        (good(), ("--no-such-option",), 3),
    ],
)
def test_the_exit_tells_a_verdict_from_a_failure(
    rows: list[Any], more: Sequence[str], exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lenient.yaml").write_text(LENIENT)
    Path("a.jsonl").write_bytes(jsonl(rows))
    assert main(["check", "a.jsonl", *more]) == exit_code


def test_a_missing_name_a_folder_and_a_missing_file_are_failures(tmp_path: Path) -> None:
    assert main(["check"]) == 3
    assert main(["check", str(tmp_path / "nothing.jsonl")]) == 3


def test_an_error_in_the_program_itself_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(good()))
    monkeypatch.setattr(dropping, "LARGE", None)  # what a slip would do
    assert main(["check", str(tmp_path / "a.jsonl")]) == 3
    assert "TypeError" in capsys.readouterr().err


def test_json_gives_every_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl([*good(), *[b"oops", b"", b"5", b"{}"] * 700]))
    report = told(path, capsys)
    assert len(report["findings"]) == sum(report["counts"].values()) == 4 * 700
    assert report["left_out"] == {}
    lines = [one["line"] for one in report["findings"]]
    assert lines == sorted(lines)
    for one in report["findings"]:
        assert {"code", "line", "found", "expected"} <= one.keys()
        assert one["code"] == ("DT201", "DT202", "DT209", "DT301")[(one["line"] - 41) % 4]


def test_what_is_left_out_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl([*good(), *[b"oops"] * 300, b"5"]))
    monkeypatch.setattr(dropping, "MOST_TOLD", 100)
    report = told(path, capsys)
    assert (len(report["findings"]), report["left_out"]) == (101, {"DT201": 200})
    main(["check", str(path)])
    assert "DT201 and 250 more: see them all with --json" in capsys.readouterr().out


ALONE = """
import socket, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise AssertionError(f"{name} is imported")

def refuse(*_args, **_more):
    raise AssertionError("the network is asked")

HEAVY = {"torch", "transformers", "azure", "datasets", "pyarrow", "pandas", "mlflow", "huggingface_hub"}
sys.meta_path.insert(0, Refuse())
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from shared.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("more", [(), ("--json",), ("--html", "a.html"), ("--fix", "b.jsonl")])
def test_it_asks_no_network_and_no_heavy_library(more: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl([*good(60), chat("Hi", "AKIAQYLPMN5HFIQR7XYA anna@firma.de")]))
    done = subprocess.run(
        [sys.executable, "-c", ALONE, "check", "a.jsonl", *more],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bar_shows_how_far_it_is_where_a_person_looks_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with output.bar("checking a.jsonl", 200) as show:
        for done in (0, 50, 50, 200):
            show(done)
    shown = capsys.readouterr().err
    assert [part.rstrip() for part in shown.split("\r")[1:4]] == [
        f"checking a.jsonl [{'#' * filled:<25}] {percent:3} %"
        for filled, percent in ((0, 0), (6, 25), (25, 100))
    ]
    assert shown.endswith("\r\x1b[K")


def test_no_bar_where_nobody_looks_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl(good()))
    main(["check", str(tmp_path / "a.jsonl")])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("rejected.jsonl", "mended.jsonl"),
        ("a.jsonl", "a.jsonl"),
        ("mended.jsonl.part", "mended.jsonl"),
        ("a.jsonl", "rejected.jsonl"),
    ],
)
def test_mending_never_overwrites_what_it_reads(
    source: str, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = jsonl([*good(), b"oops"])
    Path(source).write_bytes(data)
    assert main(["check", source, "--fix", out]) == 3
    assert Path(source).read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == [source]
