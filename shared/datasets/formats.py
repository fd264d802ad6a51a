"""The formats that chats come in, recognised by what a row holds; all end as the pipeline's own.

Sources: OpenAI's fine-tuning guide (messages, tools, weight), FastChat's ShareGPT (conversations, from,
value), Stanford Alpaca (instruction, input, output), OpenAI's older completions (prompt, completion).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.datasets.findings import kind_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.datasets.rows import Fault

MESSAGES, SHAREGPT, ALPACA, COMPLETION = "messages", "ShareGPT", "Alpaca", "prompt/completion"
SPEAKERS = {"human": "user", "user": "user", "system": "system"} | dict.fromkeys(
    ("gpt", "chatgpt", "bing", "bard", "model", "assistant"), "assistant"
)
COLUMNS = {
    MESSAGES: {"prompt", "messages", "prompt_id"},
    SHAREGPT: {"conversations", "conversation", "system"},
    ALPACA: {"instruction", "input", "output", "system"},
    COMPLETION: {"prompt", "completion"},
}
OPENAI_TOOLS = ("tools", "functions")


@dataclass(frozen=True)
class Read:
    """What a row holds: its format, its messages as they stand (not checked yet), prompt and prompt_id."""

    kind: str
    messages: Any
    prompt: Any = None
    prompt_id: Any = None


def recognise(value: dict[str, Any]) -> tuple[Read | None, list[Fault]]:
    """Tell a row's format and take its messages out; without one the fault says what the row holds."""
    kind = _kind(value)
    if kind is None:
        found = ", ".join(repr(shown(key, 40)) for key in list(value)[:4]) or "{}"
        return None, [("DT301", f"no messages, but {found}")]
    known = COLUMNS[kind] | set(OPENAI_TOOLS)
    faults = [("DT210", f"column {shown(key, 40)!r}") for key in value if key not in known]
    faults += [("DT211", f"a {key} key") for key in OPENAI_TOOLS if key in value]
    if kind == MESSAGES:
        faults += [
            ("DT210", f"column {key!r} that holds {kind_of(value[key])}")
            for key in ("prompt", "prompt_id")
            if not isinstance(value.get(key), str | None)
        ]
        return Read(kind, value["messages"], value.get("prompt"), value.get("prompt_id")), faults
    return Read(kind, list(_TAKE[kind](value))), faults


def _kind(value: dict[str, Any]) -> str | None:
    if "messages" in value:
        return MESSAGES
    if "conversations" in value or isinstance(value.get("conversation"), list):
        return SHAREGPT
    if "instruction" in value and "output" in value:
        return ALPACA
    return COMPLETION if "prompt" in value and "completion" in value else None


def _sharegpt(value: dict[str, Any]) -> Iterator[Any]:
    yield from _system(value)
    turns = value.get("conversations", value.get("conversation"))
    for turn in turns if isinstance(turns, list) else [turns]:
        if isinstance(turn, dict) and "from" in turn and "value" in turn:
            speaker = turn["from"]
            role = SPEAKERS.get(speaker.casefold(), speaker) if isinstance(speaker, str) else speaker
            rest = {key: part for key, part in turn.items() if key not in {"from", "value"}}
            yield {"role": role, "content": turn["value"], **rest}
        else:
            yield turn


def _alpaca(value: dict[str, Any]) -> Iterator[Any]:
    yield from _system(value)
    question, more = value["instruction"], value.get("input")
    if not isinstance(more, str | None):
        question = more  # the fault is named; leaving it out would ask another thing
    elif isinstance(question, str) and more:
        question = f"{question}\n\n{more}"
    yield {"role": "user", "content": question}
    yield {"role": "assistant", "content": value["output"]}


def _completion(value: dict[str, Any]) -> Iterator[Any]:
    yield {"role": "user", "content": value["prompt"]}
    yield {"role": "assistant", "content": value["completion"]}


def _system(value: dict[str, Any]) -> Iterator[Any]:
    if value.get("system"):
        yield {"role": "system", "content": value["system"]}


_TAKE = {SHAREGPT: _sharegpt, ALPACA: _alpaca, COMPLETION: _completion}
