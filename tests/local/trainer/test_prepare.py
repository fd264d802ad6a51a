"""The preprocess task: which rows train, what is counted, and what it says when it fails."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from local.trainer import offline
from local.trainer.prepare import prepare
from local.trainer.slices import Slice, slices
from local.trainer.tiny import _tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]


def row(question: str = "Hi", answer: str = "Yes.") -> Json:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    offline.prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Hugging Face's libraries, about their own matters
        import datasets

        datasets.disable_progress_bars()
        folder = tmp_path_factory.mktemp("base")
        _tokenizer().save_pretrained(folder)
        yield folder


def run(base: Path, folder: Path, files: dict[str, list[Any]], **parameters: str) -> Json:
    """Run the task and return its result."""
    for part, rows in files.items():
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    spec = {
        "base_model": str(base),
        "files": {part: str(folder / f"{part}.jsonl") for part in files},
        "parameters": {"num_train_epochs": "1", **parameters},
        "output_dir": str(folder / "out"),
        "result": str(folder / "result.json"),
    }
    code = prepare(spec)
    result: Json = json.loads((folder / "result.json").read_text())
    assert (result["status"] == "completed") == (code == 0)
    return result


def test_slices_of_one_file_leave_no_row_out() -> None:
    for rows in range(1, 60):
        parts = [Slice("train", a, b).bounds(rows) for a, b in ((0, 80), (80, 90), (90, 100))]
        assert [end for _, end in parts[:2]] == [start for start, _ in parts[1:]]
        assert (parts[0][0], parts[2][1]) == (0, rows)


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
    base: Path, tmp_path: Path, given: dict[str, int], counts: dict[str, int]
) -> None:
    """As `datasets` cuts, which the arithmetic of the slices agrees with."""
    assert run(base, tmp_path, {part: [row()] * count for part, count in given.items()})["rows"] == counts
    for part, piece in slices(set(given)).items():
        first, behind = piece.bounds(given[piece.file])
        assert behind - first == counts[part]


def test_the_rows_are_cut_in_their_order(base: Path, tmp_path: Path) -> None:
    rows = [row(answer=letter) for letter in "abcdefghijklmnopqrst"]
    run(base, tmp_path, {"train": rows})
    lines = (tmp_path / "out" / "validation.jsonl").read_text().splitlines()
    tokenizer = _tokenizer()
    answers = [tokenizer.decode([t for t in json.loads(line)["labels"] if t != -100]) for line in lines]
    assert [answer.strip()[0] for answer in answers] == ["q", "r"]


def test_tokens_of_train_and_validation_are_counted_times_the_epochs(base: Path, tmp_path: Path) -> None:
    files = {"train": [row()] * 10, "validation": [row()] * 3, "test": [row()] * 5}
    once = run(base, tmp_path, files)["properties"]
    lines = [
        json.loads(line)
        for part in ("train", "validation")
        for line in (tmp_path / "out" / f"{part}.jsonl").read_text().splitlines()
    ]
    assert len(lines) == 13
    assert once == {
        "__azureml_ft_training_tokens": sum(len(line["input_ids"]) for line in lines),
        "__azureml_ft_assistant_tokens": sum(label != -100 for line in lines for label in line["labels"]),
    }
    twice = run(base, tmp_path, files, num_train_epochs="2")["properties"]
    assert twice == {key: 2 * count for key, count in once.items()}


def test_rows_are_cut_at_the_asked_for_length_and_never_beyond_the_tokenizers(
    base: Path, tmp_path: Path
) -> None:
    files = {"train": [row(answer="x" * 2000)] * 10, "validation": [row()], "test": [row()]}
    for asked, longest in (("100", 100), ("-1", 1024), ("4096", 1024)):
        run(base, tmp_path, files, max_seq_length=asked)
        lines = (tmp_path / "out" / "train.jsonl").read_text().splitlines()
        assert {len(json.loads(line)["input_ids"]) for line in lines} == {longest}


@pytest.mark.parametrize(
    ("files", "code", "says"),
    [
        (
            {"train": [row()] * 9},
            "UserError",
            "Training dataset has 7 non-null samples, which is fewer than 10",
        ),
        (
            {"validation": [{"messages": []}] * 3},
            "UserError",
            "Found no examples after data preprocessing for",
        ),
        ({"validation": [row("x" * 2000)] * 3}, "UserError", "No assistant tokens found after preprocessing"),
        ({"validation": [{"prompt": "Hi"}]}, "UserError", "Dataset Columns: ['prompt']"),
        ({"test": [5]}, "UserError", "Error while loading the dataset"),
        (
            {"train": [row("x" * 2000), *[row()] * 12]},
            "SystemError",
            "internal ACFT error. Error Message/Code: 'NoneType' object has no attribute 'write'",
        ),
        (
            {"train": [*[row()] * 12, {"messages": [{"role": "user", "content": 5}, {"role": "assistant"}]}]},
            "UserError",
            "Failure while applying chat template to dataset",
        ),
    ],
)
def test_it_fails_in_azures_words(
    base: Path, tmp_path: Path, files: dict[str, list[Any]], code: str, says: str
) -> None:
    whole: dict[str, list[Any]] = {"train": [row()] * 12, "validation": [row()], "test": [row()]}
    if len(files.get("train", [])) == 9:
        whole = {"train": files["train"]}
    error = run(base, tmp_path, {**whole, **files})["error"]
    assert (error["code"], says in error["message"]) == (code, True), error


def test_what_is_wrong_with_test_rows_is_seen_by_nobody(base: Path, tmp_path: Path) -> None:
    files = {"train": [row()] * 10, "validation": [row()], "test": [{"prompt": "no messages"}]}
    assert run(base, tmp_path, files)["rows"]["test"] == 1


def test_a_models_config_tells_of_its_system_role_and_markers(base: Path, tmp_path: Path) -> None:
    """A system message is put before the first question; a late one fails the job."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in base.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tokens = {
        "response_template": "<|im_start|>assistant",
        "instruction_template": {"content": "<|im_start|>user"},
    }
    config = {"system_role_supported": "false", "chat_special_tokens": tokens}
    (folder / "finetune_config.json").write_text(json.dumps(config))
    system = {"role": "system", "content": "Be kind."}
    merged = {"messages": [system, *row()["messages"]]}
    files = {"train": [merged] * 10, "validation": [row()], "test": [row()]}
    assert run(folder, tmp_path, files)["status"] == "completed"
    line = json.loads((tmp_path / "out" / "train.jsonl").read_text().splitlines()[0])
    assert "<|im_start|>user\nBe kind.\n\nHi<|im_end|>" in _tokenizer().decode(line["input_ids"])
    late = {"messages": [*row()["messages"], system]}
    error = run(folder, tmp_path, {**files, "train": [*[row()] * 10, late]})["error"]
    assert error["message"].startswith("Only one system role should be present")
