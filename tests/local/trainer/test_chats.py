"""What of a chat is learnt, and what the trainer does with rows, as Azure ML does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local.trainer import chats, parameters
from local.trainer.chats import IGNORED
from local.trainer.tiny import TEMPLATE, _tokenizer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return _tokenizer()


def chat(*turns: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(turns)]


def learnt(tokenizer: Any, row: chats.Row) -> str:
    text: str = tokenizer.decode([label for label in row.labels if label != IGNORED])
    return text


def test_loss_is_on_the_assistants_tokens_alone(tokenizer: Any) -> None:
    row = chats.encode(tokenizer, chat("Hi", "Hello", "Bye", "See you"), 1000)
    assert learnt(tokenizer, row).replace("<|im_end|>", "|").split("|")[:2] == ["Hello", "\nSee you"]
    assert len(row.ids) == len(row.labels)


def test_a_long_chat_is_cut(tokenizer: Any) -> None:
    row = chats.encode(tokenizer, chat("Hi", "Hello"), 10)
    assert len(row.ids) == len(row.labels) == 10


def test_a_row_cut_to_no_answer_is_dropped(tokenizer: Any) -> None:
    rows = chats.encode_all(tokenizer, [chat("x" * 100, "Hello"), chat("Hi", "Hello")], 60)
    assert len(rows) == 1


def test_rows_with_fewer_than_two_messages_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"messages": m}) for m in ([], chat("Hi"), chat("Hi", "Yo"))))
    assert len(chats.read(path)) == 1


def test_other_line_ends_within_a_text_end_no_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    turns = [{"role": "user", "content": "a\u2028b\u0085c"}, {"role": "assistant", "content": "d"}]
    path.write_text(json.dumps({"messages": turns}, ensure_ascii=False) + "\n", "utf-8")
    assert chats.read(path) == [turns]


def test_a_line_that_is_no_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("oops")
    with pytest.raises(chats.DataError, match="line 1"):
        chats.read(path)


def test_the_template_renders_turns() -> None:
    assert "<|im_start|>" in TEMPLATE


def test_parameters_come_as_strings_and_end_in_their_types() -> None:
    read = parameters.read(
        {"learning_rate": "5e-6", "apply_lora": "true", "num_train_epochs": "2", "optim": "adafactor"}
    )
    assert (read.learning_rate, read.apply_lora, read.num_train_epochs, read.optim) == (
        5e-6,
        True,
        2,
        "adafactor",
    )


@pytest.mark.parametrize(
    "given", [{"learning_rate": "fast"}, {"apply_lora": "maybe"}, {"apply_early_stopping": "true"}]
)
def test_what_cannot_be_trained_with_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(parameters.ParameterError):
        parameters.read(given)
