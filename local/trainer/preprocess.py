"""What Azure ML's preprocessing does with a train file, done once more: a witness that shares no code.

Written after azureml-acft-contrib-hf-nlp 0.0.91, for a file given together with a validation and a test file.
`datasets` reads, filters and maps for real, so that what its `map` makes of a function that gives None
(a row less, a crash, an unchanged set) is the library's doing; `transformers` renders and tokenizes.

Run beside Microsoft's own classes (transformers 4.57.6, datasets 4.4.1 and 5.0.1; their Azure ML imports
stubbed), on the same kinds of rows: every step, with and without a system role, and how many tokens of each
kept row there are and are learnt. Read only: slices, MLTable input, markers put into the vocabulary, models
of types gpt-oss and Qwen 3. Which versions Azure's image holds is not known. Where content or messages are of
several types in one file, `datasets` 4 cannot load it; 5 can, and the template decides: so does this. A
column or a message's key that comes up first after 10 MiB fails the load in both: so it does here.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEAST_ROWS = 10
IGNORED = -100
HUGE, DEFAULT_LENGTH = 1_000_000, 512


class Failure(Exception):
    """The job fails; step: where; at: the row's index from 0, if it is one row's doing."""

    def __init__(self, step: str, reason: str, at: int | None = None) -> None:
        super().__init__(reason)
        self.step, self.reason, self.at = step, reason, at


@dataclass(frozen=True)
class Happened:
    """What happened, as row indices from 0. Where it failed, kept is empty and the rest is as far as it got.

    dropped: removed before tokenizing; cut: longer than the limit; nothing: no assistant token in the rest.
    """

    kept: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    cut: tuple[int, ...] = ()
    nothing: tuple[int, ...] = ()
    step: str = ""
    reason: str = ""
    at: int | None = None


@dataclass
class Model:
    """The tokenizer, set up as Azure ML does, and what it reads in the model's finetune_config.json."""

    tokenizer: Any
    limit: int
    response: list[int]
    instruction: list[int]
    system_supported: bool = True

    @classmethod
    def load(cls, folder: Path, max_seq_length: int = -1, markers: tuple[str, str] | None = None) -> Model:
        """Load a tokenizer folder; markers: response and instruction, else taken from the template."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder)
        limit = int(tokenizer.model_max_length)
        if limit > HUGE:
            limit = max_seq_length if max_seq_length != -1 else DEFAULT_LENGTH
        limit = limit if max_seq_length == -1 else min(limit, max_seq_length)
        if tokenizer.pad_token in (None, tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token):
            tokenizer.add_special_tokens({"pad_token": "<pad>"})
        texts = markers or _markers(tokenizer)
        return cls(tokenizer, limit, *(tokenizer.encode(text, add_special_tokens=False) for text in texts))

    def render(self, messages: list[dict[str, Any]], tools: Any = None) -> str:  # noqa: ANN401
        """Apply the chat template, keys without a value left out."""
        present = [{key: value for key, value in m.items() if value is not None} for m in messages]
        text: str = self.tokenizer.apply_chat_template(present, tokenize=False, tools=tools)
        return text

    def tokens(self, text: str, *, cut: bool) -> list[int]:
        """Tokenize a rendered chat."""
        how = {"truncation": True, "max_length": self.limit} if cut else {}
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, **how)["input_ids"]
        return ids

    def labels(self, ids: list[int]) -> list[int]:
        """Label a chat as CustomCollatorForCompletionOnlyLM does; [] where a marker is missing."""
        labels = [IGNORED if one == self.tokenizer.pad_token_id else one for one in ids]
        answers = [n + len(self.response) for n in _starts(labels, self.response)]
        questions = list(_starts(labels, self.instruction))
        if not answers or not questions:
            return []
        if questions[0] > answers[0]:
            questions.insert(0, 0)
        masked = [range(answers[0])]
        masked += [range(*pair) for pair in list(zip(questions, answers, strict=False))[1:]]
        if len(answers) < len(questions):
            masked.append(range(questions[-1], len(labels)))
        for place in {n for one in masked for n in one}:
            labels[place] = IGNORED
        return labels


def preprocess(path: Path, model: Model) -> Happened:
    """Run every step on a JSONL file."""
    run = _Run(model)
    with tempfile.TemporaryDirectory() as folder:
        try:
            kept = run.all(path, folder)
        except Failure as failure:
            return replace(run.happened(), step=failure.step, reason=failure.reason, at=failure.at)
    return replace(run.happened(), kept=tuple(kept))


@dataclass
class _Run:
    model: Model
    dropped: set[int] = field(default_factory=set)
    cut: list[int] = field(default_factory=list)
    nothing: list[int] = field(default_factory=list)

    def happened(self) -> Happened:
        nothing = set(self.nothing)
        cut = tuple(row for row in self.cut if row not in nothing)
        return Happened((), tuple(sorted(self.dropped)), cut, tuple(self.nothing))

    def all(self, path: Path, folder: str) -> list[int]:
        data = _read(path, folder)
        data = data.add_column("row", list(range(len(data))))
        if not self.model.system_supported:
            data = self._system(data)
        return self._encode(self._validate(data))

    def _system(self, data: Any) -> Any:  # noqa: ANN401
        at = [0]

        def noted(example: dict[str, Any], step: Callable[[dict[str, Any]], Any]) -> Any:  # noqa: ANN401
            at[0] = example["row"]
            return step(example)

        with _failing("system", at):
            data.map(noted, fn_kwargs={"step": _check_system})
            return data.map(noted, fn_kwargs={"step": _merge_system})

    def _validate(self, data: Any) -> Any:  # noqa: ANN401
        wanted = ["messages", *(["tools"] if "tools" in data.column_names else [])]
        if "messages" not in data.column_names:
            raise Failure("columns", "no column named messages")
        present = data.filter(lambda row: all(_filled(row[name]) for name in wanted))
        self._removed(data, present)
        long = present.filter(lambda row: not isinstance(row["messages"], list) or len(row["messages"]) > 1)
        self._removed(data, long)
        at = [0]

        def render(row: dict[str, Any]) -> None:
            at[0] = row["row"]
            self.model.render(row["messages"], row.get("tools"))

        with _failing("template", at):
            long.map(render)
        return long

    def _removed(self, data: Any, left: Any) -> None:  # noqa: ANN401
        self.dropped |= set(data["row"]) - set(left["row"])
        if len(left) < LEAST_ROWS:
            raise Failure("too few", f"{len(left)} rows are left, fewer than {LEAST_ROWS}")

    def _encode(self, data: Any) -> list[int]:  # noqa: ANN401
        def encode(row: dict[str, Any]) -> dict[str, Any] | None:
            text = self.model.render(row["messages"], row.get("tools"))
            ids = self.model.tokens(text, cut=True)
            if len(self.model.tokens(text, cut=False)) > self.model.limit:
                self.cut.append(row["row"])
            labels = self.model.labels(ids)
            if all(label == IGNORED for label in labels):
                self.nothing.append(row["row"])
                return None
            return {"input_ids": ids, "labels": labels, "of": row["row"]}

        rows = data["row"]
        with _failing("first row", [rows[0]]):
            encoded = data.map(encode, remove_columns=data.column_names)
        if "input_ids" not in encoded.column_names:
            if len(self.nothing) == len(rows):
                raise Failure("nothing to learn", "no assistant tokens found")
            raise Failure("last row", "no assistant tokens found", rows[-1])
        return list(encoded["of"])


def _check_system(example: dict[str, Any]) -> dict[str, Any] | None:
    dialog = example.get("messages")
    if not dialog:
        return example
    roles = [message.get("role") for message in dialog]
    if "system" in roles[1:]:
        raise ValueError("a system message that is not the first")
    if "system" in roles and "user" not in roles:
        raise ValueError("a system message without a user")
    return None


def _merge_system(example: dict[str, Any]) -> dict[str, Any]:
    dialog = example.get("messages")
    if not dialog or dialog[0].get("role") != "system":
        return example
    asked = next(message for message in dialog if message["role"] == "user")
    asked["content"] = dialog[0].get("content", "") + "\n\n" + asked.get("content", "")
    return {**example, "messages": dialog[1:]}


def _read(path: Path, folder: str) -> Any:  # noqa: ANN401
    from datasets import load_dataset

    with _failing("load", [None]):
        return load_dataset("json", data_files=str(path), split="train", cache_dir=folder)


@contextlib.contextmanager
def _failing(step: str, at: list[Any]) -> Any:  # noqa: ANN401 - a generator of one step
    try:
        yield
    except Exception as fault:  # whatever it is, the job ends with it
        raise Failure(step, f"{type(fault).__name__}: {fault}", at[0]) from fault


def _filled(value: Any) -> bool:  # noqa: ANN401
    return value is not None and not (isinstance(value, (str, list, dict)) and len(value) == 0)


def _starts(ids: list[int], wanted: list[int]) -> list[int]:
    return [n for n in range(len(ids)) if ids[n : n + len(wanted)] == wanted]


def _markers(tokenizer: Any) -> tuple[str, str]:  # noqa: ANN401
    """Take the markers from what the template writes before an answer, as ChatML-like templates do."""
    chat = [{"role": "user", "content": "?"}]
    asked = tokenizer.apply_chat_template(chat, tokenize=False)
    prompted = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    response = prompted[len(asked) :].strip()
    instruction = response.replace("assistant", "user")
    if "assistant" not in response or instruction not in asked:
        raise ValueError("the template shows no markers; give them")
    return response, instruction
