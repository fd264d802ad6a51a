"""Chats, right and wrong, as Hypothesis makes them: any text, any format, any way to write JSON, any cut."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.datasets.clean import chat as clean_chat
from tests.datasets.hostile import CASES
from tests.datasets.seeded import MAKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = dict[str, Any]
    Made = tuple[bytes, list[tuple[str, str]]]

ODD = [
    "\0",
    "\u2028",
    "\x85",
    "\r\n",
    '"',
    "\\",
    "\\n",
    "{}",
    "\ufeff",
    "\U0001f469\u200d\U0001f680",
    "a\u0301",
    "</s>",
]
TEXT = st.text(max_size=40) | st.lists(st.sampled_from(ODD) | st.text(max_size=5), max_size=6).map("".join)
CONTENT = TEXT.filter(lambda text: bool(text) and not text.isspace() and bool(text.strip()))
RAW = st.characters(blacklist_categories=["Cs"])


@st.composite
def messages(draw: st.DrawFn) -> list[dict[str, str]]:
    """Make a right chat: perhaps a system message, then questions and answers in turn."""
    said = [{"role": "system", "content": draw(CONTENT)}] if draw(st.booleans()) else []
    for _turn in range(draw(st.integers(1, 3))):
        said += [{"role": "user", "content": draw(CONTENT)}, {"role": "assistant", "content": draw(CONTENT)}]
    return said


def _pipeline(said: list[dict[str, str]]) -> Row:
    return {"messages": said}


def _with_columns(said: list[dict[str, str]]) -> Row:
    return {"prompt": "The question as it was", "messages": said, "prompt_id": "17"}


def _sharegpt(said: list[dict[str, str]]) -> Row:
    speakers = {"user": "human", "assistant": "gpt", "system": "system"}
    return {"conversations": [{"from": speakers[one["role"]], "value": one["content"]} for one in said]}


def _sharegpt_system(said: list[dict[str, str]]) -> Row:
    if said[0]["role"] != "system":
        return _sharegpt(said)
    return {"system": said[0]["content"], **_sharegpt(said[1:])}


def _alpaca(said: list[dict[str, str]]) -> Row:
    *before, question, answer = said[:3] if said[0]["role"] == "system" else said[:2]
    row = {"instruction": question["content"], "input": "", "output": answer["content"]}
    return {**row, "system": before[0]["content"]} if before else row


def _completion(said: list[dict[str, str]]) -> Row:
    question, answer = [one for one in said if one["role"] != "system"][:2]
    return {"prompt": question["content"], "completion": answer["content"]}


FORMATS: dict[str, Callable[[list[dict[str, str]]], Row]] = {
    "messages": _pipeline,
    "messages, prompt and prompt_id": _with_columns,
    "ShareGPT": _sharegpt,
    "ShareGPT with a system prompt": _sharegpt_system,
    "Alpaca": _alpaca,
    "prompt/completion": _completion,
}


def as_messages(kind: str, said: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Tell what a chat written in a format has to come out as."""
    kept = said
    if kind == "Alpaca":
        kept = said[:3] if said[0]["role"] == "system" else said[:2]
    elif kind == "prompt/completion":
        kept = [one for one in said if one["role"] != "system"][:2]
    return [(one["role"], one["content"]) for one in kept]


@st.composite
def written(draw: st.DrawFn, value: Any) -> bytes:
    """Write a value as JSON: escaped or not, with white space or not, keys in any order."""
    ways = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]))
    value = _shuffled(value, random.Random(draw(st.integers(0, 5))))  # noqa: S311 - Hypothesis chooses
    line = json.dumps(value, ensure_ascii=draw(st.booleans()), separators=ways).encode()
    return b" " * draw(st.integers(0, 2)) + line + draw(st.sampled_from([b"", b" ", b"\t", b"\r"]))


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, list):
        return [_shuffled(one, chance) for one in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    chance.shuffle(keys)
    return {key: _shuffled(value[key], chance) for key in keys}


@st.composite
def chat_sets(draw: st.DrawFn, most: int = 40) -> tuple[str, bytes, list[list[tuple[str, str]]]]:
    """Make a valid file in one format; give the format, the bytes, and each chat as roles and texts."""
    kind = draw(st.sampled_from(sorted(FORMATS)))
    chats = draw(st.lists(messages(), min_size=1, max_size=most))
    lines = [draw(written(FORMATS[kind](said))) for said in chats]
    data = b"\n".join(lines) + draw(st.sampled_from([b"\n", b""]))
    return (
        kind,
        draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + data,
        [as_messages(kind, one) for one in chats],
    )


HOSTILE = [case.data for case in CASES if case.row not in {None, "DT202"} and len(case.data) < 2000]


@st.composite
def any_line(draw: st.DrawFn) -> bytes:
    """Make a line: right, seeded with one known fault, hostile, or whatever JSON and bytes there are."""
    which = draw(st.integers(0, 9))
    if which < 4:
        return draw(written(FORMATS["messages"](draw(messages()))))
    if which < 7:
        chance = random.Random(draw(st.integers(0, 1000)))  # noqa: S311 - Hypothesis chooses
        row = {"messages": clean_chat(chance, draw(st.integers(0, 10**6)))["messages"][-2:]}
        made = MAKERS[draw(st.sampled_from(sorted(MAKERS)))](chance, row)
        return made if isinstance(made, bytes) else json.dumps(made).encode()
    if which == 7:
        return draw(st.sampled_from(HOSTILE))
    if which == 8:
        return draw(st.binary(max_size=60)).replace(b"\n", b"")
    return json.dumps(draw(odd_rows())).encode()


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def odd_rows(draw: st.DrawFn) -> Any:
    """Make rows that are nearly right: any value where another was expected, keys too many or missing."""
    roles = st.sampled_from(["user", "assistant", "system", "tool", "", 5, None])
    message = st.fixed_dictionaries(
        {},
        optional={
            "role": roles, "content": CONTENT | ANYTHING, "weight": st.sampled_from([0, 1, True, None, "x"]),
            "name": TEXT, "tool_calls": st.sampled_from([None, [], [{"id": "1"}]]),
        },
    )  # fmt: skip
    columns: dict[str, st.SearchStrategy[Any]] = {
        "messages": st.lists(message | ANYTHING, max_size=5) | ANYTHING,
        "prompt": CONTENT | ANYTHING,
        "prompt_id": TEXT | ANYTHING,
        "tools": st.none() | ANYTHING,
        "conversations": st.lists(
            st.fixed_dictionaries({"from": roles, "value": CONTENT | ANYTHING}), max_size=4
        ),
        "instruction": CONTENT | ANYTHING,
        "input": TEXT | ANYTHING,
        "output": CONTENT | ANYTHING,
        "system": TEXT | ANYTHING,
        "completion": CONTENT | ANYTHING,
        "other": ANYTHING,
    }
    return draw(st.fixed_dictionaries({}, optional=columns) | ANYTHING)


def cuts(data: bytes, places: list[int]) -> Iterator[bytes]:
    """Cut bytes at any places, some of them twice."""
    ends = sorted(place % (len(data) + 1) for place in places)
    for begin, end in zip([0, *ends], [*ends, len(data)], strict=True):
        yield data[begin:end]
