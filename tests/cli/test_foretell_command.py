"""`droptune foretell`: a sentence, the lines, and an exit code that scripts can use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shared.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the tiny tokenizer: a token a byte."""
    from local.trainer.tiny import _tokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    _tokenizer().save_pretrained(folder)
    return folder


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def run(tmp_path: Path, tokenizer: Path, rows: list[Any], *more: str) -> int:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return main(["foretell", str(path), "--tokenizer", str(tokenizer), "--max-seq-length", "200", *more])


def test_rows_that_vanish_or_are_cut_are_named(
    tmp_path: Path, tokenizer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [chat(f"Question {n}?", "Yes.") for n in range(14)]
    rows[3], rows[5], rows[7] = {"messages": []}, chat("Long?", "x" * 300), chat("y" * 300, "No.")
    assert run(tmp_path, tokenizer, rows, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["outcome"] == "trains"
    assert told["dropped_silently"] == {"count": 1, "first": [4]}
    assert told["cut"] == {"count": 1, "first": [6]}
    assert told["nothing_to_learn"] == {"count": 1, "first": [8]}
    assert told["kept"] == 12
    assert run(tmp_path, tokenizer, rows) == 0
    assert "1 left with nothing to learn: lines 8" in capsys.readouterr().out


def test_too_few_rows_fail(tmp_path: Path, tokenizer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, tokenizer, [chat(f"Question {n}?", "Yes.") for n in range(9)]) == 2
    assert "fewer than 10" in capsys.readouterr().out


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, tmp_path, [chat("Hi", "Yes")]) == 1
    assert "holds no tokenizer.json" in capsys.readouterr().err
