"""The comparing step's script, over the tiny model; the trainer's own evaluation is the witness beside it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from local.trainer import evaluate, tiny
from shared.adapters.azureml.step import compare

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")

SAID = [
    [("user", "Are you open?"), ("assistant", "From nine to five.")],
    [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "Bye"),
        ("assistant", "Bye!"),
    ],
    [("user", "Nothing to learn here"), ("user", "No")],
    [("user", "A long one"), ("assistant", "x" * 2000)],
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    tiny.make(folder)
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    lines = [
        json.dumps({"messages": [{"role": role, "content": content} for role, content in chat]})
        for chat in SAID
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([*lines[:2], "", *lines[2:]]) + "\n", "utf-8")
    return path


def test_losses_are_those_that_the_trainer_measures(model: Path, rows: Path) -> None:
    sets = {"frozen": compare.chats(rows)}
    sums = compare.measure(model, sets)["frozen"]
    assert sorted(sums) == [1, 2]  # line 4 holds nothing to learn, line 5 is longer than the model takes
    short = rows.with_name("short.jsonl")
    short.write_text("".join(line + "\n" for line in rows.read_text("utf-8").splitlines()[:2]), "utf-8")
    witness = evaluate.evaluate(model, short)
    assert [total / count for total, count in sums.values()] == pytest.approx(witness["per_chat"], rel=1e-4)
    assert sum(count for _total, count in sums.values()) == witness["tokens"]


@pytest.mark.parametrize("layout", ["transformers", "hftransformersv2"])
def test_both_of_azure_mls_layouts_are_read(model: Path, rows: Path, tmp_path: Path, layout: str) -> None:
    root = tmp_path / "mlflow_model_folder"
    weights, config, tokenizer = (
        ("model", "model", "components/tokenizer")
        if layout == "transformers"
        else ("data/model", "data/config", "data/tokenizer")
    )
    for file in model.iterdir():
        name = file.name
        place = weights if "model" in name else config if name == "config.json" else tokenizer
        (root / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, root / place / name)
    (root / "MLmodel").write_text("flavors: {}\n")
    sets = {"frozen": compare.chats(rows)}
    assert compare.measure(root, sets) == compare.measure(model, sets)


def test_a_folder_without_a_model_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"holds no weights \(\*\.safetensors"):
        compare.gather(tmp_path, tmp_path / "out")


def test_figures_are_of_the_same_text_whatever_the_tokenizers() -> None:
    # The reference cuts the same answers into twice as many tokens: its sums are put over the challenger's.
    challenger = {1: (2.0, 4), 2: (3.0, 3), 3: (1.0, 1)}
    reference = {1: (4.0, 8), 2: (6.0, 6), 4: (1.0, 1)}
    found = compare.figures(challenger, reference)
    assert found == {"challenger": {1: 0.5, 2: 1.0}, "reference": {1: 1.0, 2: 2.0}}


def test_of_a_large_set_chats_are_taken_evenly(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({"messages": [n]}) + "\n" for n in range(2500)), "utf-8")
    found: Any = compare.chats(path)
    assert len(found) == compare.MOST_CHATS
    gaps = {b - a for a, b in zip(sorted(found), sorted(found)[1:], strict=False)}
    assert gaps == {2, 3}


def test_other_line_ends_within_a_text_end_no_line(tmp_path: Path) -> None:
    """JSON may hold U+2028 and U+0085 as they are, and prepared files do: web pages are full of the first."""
    path = tmp_path / "frozen.jsonl"
    turns = [{"role": "user", "content": "a\u2028b\u0085c\u2029d"}, {"role": "assistant", "content": "e"}]
    row = json.dumps({"messages": turns}, ensure_ascii=False)
    path.write_bytes(f"{row}\r\n\n{row}\n".encode())
    assert compare.chats(path) == {1: turns, 3: turns}
