"""What Azure ML's preprocessing does with a file, done once more: a witness that shares no code.

Written after azureml-acft-contrib-hf-nlp 0.0.91. The local trainer's jobs really run it (prepare.py).
`datasets` reads, filters and maps for real, so that what its `map` makes of a function that gives None
(a row less, a crash, an unchanged set) is the library's doing; `transformers` renders and tokenizes.

Run beside Microsoft's own classes (transformers 4.57.6, datasets 4.4.1 and 5.0.1; their Azure ML imports
stubbed), on the same kinds of rows: every step, with and without a system role, and how many tokens of each
kept row there are and are learnt. Read only: slices, the words of its errors, MLTable input, markers put into
the vocabulary, models of types gpt-oss and Qwen 3. Which versions Azure's image holds is not known. Where
content or messages are of several types in one file, `datasets` 4 cannot load it; 5 can, and the template
decides: so does this. A column or a message's key that comes up first after 10 MiB fails the load in both: so
it does here.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from local.trainer import wording
from local.trainer.tokenizing import IGNORED, Model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Failure", "Happened", "Model", "preprocess"]
WHOLE = "train"


class Failure(Exception):
    """The job fails; step: where; at: the row's index from 0, if it is one row's doing; code: whose fault."""

    def __init__(self, step: str, reason: str, at: int | None = None, code: str = wording.USER) -> None:
        super().__init__(reason)
        self.step, self.reason, self.at, self.code = step, reason, at, code


@dataclass(frozen=True)
class Happened:
    """What happened, as row indices from 0. Where it failed, kept is empty and the rest is as far as it got.

    dropped: removed before tokenizing; cut: longer than the limit; nothing: no assistant token in the rest.
    reason, code: the failure as Azure words it. rows: token ids and labels of those kept.
    """

    kept: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    cut: tuple[int, ...] = ()
    nothing: tuple[int, ...] = ()
    step: str = ""
    reason: str = ""
    at: int | None = None
    code: str = ""
    rows: tuple[tuple[list[int], list[int]], ...] = field(default=(), repr=False, compare=False)


def preprocess(path: Path, model: Model, piece: str = WHOLE, *, trains: bool = True) -> Happened:
    """Run every step on a JSONL file; piece: which rows, as `datasets` writes it (`train[:80%]`).

    trains: whether the rows are trained on; of a validation file any number will do.
    """
    run = _Run(model, str(path), trains)
    with tempfile.TemporaryDirectory() as folder:
        try:
            encoded = run.all(path, folder, piece)
        except Failure as failure:
            return replace(
                run.happened(), step=failure.step, reason=failure.reason, at=failure.at, code=failure.code
            )
        rows = tuple(zip(encoded["input_ids"], encoded["labels"], strict=True))
        return replace(run.happened(), kept=tuple(encoded["of"]), rows=rows)


@dataclass
class _Run:
    model: Model
    path: str
    trains: bool
    dropped: set[int] = field(default_factory=set)
    cut: list[int] = field(default_factory=list)
    nothing: list[int] = field(default_factory=list)

    def happened(self) -> Happened:
        nothing = set(self.nothing)
        cut = tuple(row for row in self.cut if row not in nothing)
        return Happened((), tuple(sorted(self.dropped)), cut, tuple(self.nothing))

    def all(self, path: Path, folder: str, piece: str) -> Any:  # noqa: ANN401
        data = read(path, folder, piece)
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
            found = [name for name in data.column_names if name != "row"]
            raise Failure("columns", wording.columns(self.path, found, wanted))
        present = data.filter(lambda row: all(_filled(row[name]) for name in wanted))
        self._removed(data, present)
        long = present.filter(lambda row: not isinstance(row["messages"], list) or len(row["messages"]) > 1)
        self._removed(data, long)
        at = [0]

        def render(row: dict[str, Any]) -> None:
            at[0] = row["row"]
            self.model.render(row["messages"], row.get("tools"))

        with _failing("template", at, wording.template):
            long.map(render)
        return long

    def _removed(self, data: Any, left: Any) -> None:  # noqa: ANN401
        self.dropped |= set(data["row"]) - set(left["row"])
        if len(left) == 0:
            raise Failure("too few", wording.none_left(self.path))
        if self.trains and len(left) < wording.LEAST_ROWS:
            raise Failure("too few", wording.too_few(len(left)))

    def _encode(self, data: Any) -> Any:  # noqa: ANN401
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
                raise Failure("nothing to learn", wording.NO_ASSISTANT_TOKENS)
            raise Failure("last row", wording.NO_ASSISTANT_TOKENS, rows[-1])
        return encoded


def _check_system(example: dict[str, Any]) -> dict[str, Any] | None:
    dialog = example.get("messages")
    if not dialog:
        return example
    roles = [message.get("role") for message in dialog]
    if "system" in roles[1:]:
        raise _Refused(wording.LATE_SYSTEM)
    if "system" in roles and "user" not in roles:
        raise _Refused(wording.LONE_SYSTEM)
    return None


def _merge_system(example: dict[str, Any]) -> dict[str, Any]:
    dialog = example.get("messages")
    if not dialog or dialog[0].get("role") != "system":
        return example
    asked = next(message for message in dialog if message["role"] == "user")
    asked["content"] = dialog[0].get("content", "") + "\n\n" + asked.get("content", "")
    return {**example, "messages": dialog[1:]}


def read(path: Path, folder: str, piece: str) -> Any:  # noqa: ANN401
    """Load a piece of a JSONL file, as `datasets` does; raises Failure."""
    from datasets import load_dataset

    with _failing("load", [None], wording.not_loaded):
        return load_dataset("json", data_files=str(path), split=piece, cache_dir=folder)


class _Refused(Exception):
    """Azure's code refuses a row, in these words."""


@contextlib.contextmanager
def _failing(step: str, at: list[Any], words: Callable[[BaseException], str] | None = None) -> Any:  # noqa: ANN401 - a generator of one step
    """Turn whatever is raised into the job's end: words for the user's faults, a crash for the others."""
    try:
        yield
    except _Refused as fault:
        raise Failure(step, str(fault), at[0]) from fault
    except Exception as fault:
        if words:
            raise Failure(step, words(fault), at[0]) from fault
        raise Failure(step, wording.internal(fault), at[0], wording.SYSTEM) from fault


def _filled(value: Any) -> bool:  # noqa: ANN401
    return value is not None and not (isinstance(value, (str, list, dict)) and len(value) == 0)
