"""`droptune check` with a tokenizer: named, beside the recipe, or none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shared.cli.main import main
from tests.datasets.helpers import chat, good, jsonl
from tests.datasets.tokenizing import files

if TYPE_CHECKING:
    from pathlib import Path


def save(folder: Path) -> Path:
    folder.mkdir(parents=True)
    made = files(2000)
    (folder / "tokenizer.json").write_bytes(made.tokenizer)
    (folder / "tokenizer_config.json").write_bytes(made.config)
    (folder / "chat_template.jinja").write_bytes(made.template or b"")
    return folder


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl([*good(), chat("Long?", "y" * 150)]))
    return path


def test_a_named_folder_counts_and_the_recipe_sets_the_limit(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "acme.yaml"
    recipe.write_text("training: {max_seq_length: 160, num_train_epochs: 2}\n")
    folder = str(save(tmp_path / "model"))
    assert main(["check", str(data), "--recipe", str(recipe), "--tokenizer", folder, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(one["code"], one["line"]) for one in report["findings"]] == [("DT601", 41)]
    assert (report["tokens"]["limit"], report["tokens"]["epochs"]) == (160, 2)
    assert report["prediction"]["cut"] == {"count": 1, "first": [41]}


def test_a_tokenizer_beside_the_recipe_is_found(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "recipes" / "tokenizers" / "Phi-4")
    assert main(["check", str(data)]) == 0
    told = capsys.readouterr().out
    assert "tokens, counted with the tokenizer of Phi-4, every row" in told
    assert "Azure ML, with the file as it is: 41 rows would be trained on." in told
    assert "The prepared files train on all their" in told


def test_without_one_it_says_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(data)]) == 0
    assert "the base model's tokenizer is not at hand" in capsys.readouterr().out


def test_a_named_folder_without_one_is_a_fault(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(data), "--tokenizer", str(tmp_path)]) == 3
    assert "holds no tokenizer.json" in capsys.readouterr().err
