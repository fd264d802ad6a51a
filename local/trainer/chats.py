"""Chats as token ids with labels on the assistant's tokens alone.

What Azure ML's preprocessing does with rows was read in azureml-acft-contrib-hf-nlp 0.0.91: rows with fewer
than two messages are removed, the rendered chat is cut at the maximum length, a row left without an assistant
token is dropped, fewer than ten train rows fail the job.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

IGNORED = -100
FEWEST_MESSAGES = 2
LEAST_TRAIN_ROWS = 10


class DataError(Exception):
    """The data set is at fault; the text says how."""


@dataclass(frozen=True)
class Row:
    """One chat. labels: the token ids of assistant turns, IGNORED elsewhere; as long as ids."""

    ids: list[int]
    labels: list[int]

    @property
    def learnt(self) -> int:
        """Count the tokens that are learnt from: a token is predicted from those before it."""
        return sum(label != IGNORED for label in self.labels[1:])


def read(path: Path) -> list[list[dict[str, str]]]:
    """Read the messages of a JSONL file's rows; rows with fewer than two are removed."""
    rows = []
    lines = path.read_text("utf-8").split("\n")  # a text may hold other line ends, as U+2028
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            messages = json.loads(line).get("messages")
        except (ValueError, AttributeError) as fault:
            raise DataError(f"{path.name}, line {number}: not a JSON object with messages") from fault
        if messages and len(messages) >= FEWEST_MESSAGES:
            rows.append([{"role": m["role"], "content": m["content"]} for m in messages])
    return rows


def read_encoded(path: Path) -> list[Row] | None:
    """Read a file that the preprocess task wrote; None where the file holds chats and no tokens."""
    rows = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                return None
            if not isinstance(row, dict) or "input_ids" not in row:
                return None
            rows.append(Row(row["input_ids"], row["labels"]))
    return rows


def encode(tokenizer: Any, messages: Sequence[dict[str, str]], longest: int) -> Row:  # noqa: ANN401
    """Render one chat. An assistant turn is what its rendering adds to the rendering before it."""
    ids = _render(tokenizer, messages, prompt=False)
    labels = [IGNORED] * len(ids)
    for turn, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        begin = len(_render(tokenizer, messages[:turn], prompt=True)) if turn else 0
        end = len(_render(tokenizer, messages[: turn + 1], prompt=False))
        labels[begin:end] = ids[begin:end]
    return Row(ids[:longest], labels[:longest])


def encode_all(
    tokenizer: Any,  # noqa: ANN401
    chats: Iterable[Sequence[dict[str, str]]],
    longest: int,
) -> list[Row]:
    """Render chats and drop those in which nothing is left to learn."""
    rows = (encode(tokenizer, messages, longest) for messages in chats)
    return [row for row in rows if row.learnt]


def longest(tokenizer: Any, config: Any, asked: int) -> int:  # noqa: ANN401
    """Say where chats are cut: at what was asked for, at the least maximum where -1 was."""
    limits = [int(tokenizer.model_max_length), int(config.max_position_embeddings)]
    return min([*limits, asked] if asked > 0 else limits)


def _render(tokenizer: Any, messages: Sequence[dict[str, str]], *, prompt: bool) -> list[int]:  # noqa: ANN401
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=prompt)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
