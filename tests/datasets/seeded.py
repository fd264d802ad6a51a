"""A corpus with known faults: each code at least twenty times, strewn among clean chats. Same every time."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from tests.bench.chats import _chat, _words

if TYPE_CHECKING:
    from collections.abc import Callable

    Maker = Callable[[random.Random, dict[str, Any]], Any]

TIMES = 20
CLEAN = 4000
DIGITS = "0123456789"


def corpus(seed: int) -> tuple[list[bytes], dict[int, str]]:
    """Give the lines and, by number from 1, the code seeded in a line."""
    chance, words = random.Random(seed), _words()  # noqa: S311 - the same faults every time
    rows = [("", json.dumps(_chat(chance, words, number)).encode()) for number in range(CLEAN)]
    for code, maker in MAKERS.items():
        for number in range(TIMES):
            row = _chat(chance, words, CLEAN + number)
            made = maker(chance, {"messages": row["messages"]})
            rows.append((code, made if isinstance(made, bytes) else json.dumps(made).encode()))
    chance.shuffle(rows)
    copies = [("DT307", line) for code, line in chance.sample(rows, 400) if not code][:TIMES]
    rows += copies
    return [line for _code, line in rows], {n: code for n, (code, _line) in enumerate(rows, 1) if code}


def _said(place: int, *texts: str) -> Maker:
    """Put one of the texts into a message, somewhere."""

    def make(chance: random.Random, row: dict[str, Any]) -> Any:
        message = row["messages"][place]
        words = message["content"].split(" ")
        words.insert(chance.randrange(len(words)), _filled(chance, chance.choice(texts)))
        message["content"] = " ".join(words)
        return row

    return make


def _answered(*texts: str) -> Maker:
    def make(chance: random.Random, row: dict[str, Any]) -> Any:
        row["messages"][-1]["content"] = chance.choice(texts)
        return row

    return make


def _filled(chance: random.Random, text: str) -> str:
    """Make a value up for each sign: # a digit, * a letter or digit that no word has."""
    signs = {"#": DIGITS, "*": "abcdefghkmnpqrstuvwxyzABCDEFGHKLMNPQRSTUVWXYZ" + DIGITS}
    return "".join(chance.choice(signs[sign]) if sign in signs else sign for sign in text)


def _row(change: Callable[[dict[str, Any]], Any]) -> Maker:
    return lambda _chance, row: change(row)


def _with(row: dict[str, Any], place: int, **more: Any) -> dict[str, Any]:
    row["messages"][place] |= more
    return row


def _cut(row: dict[str, Any], end: int | None) -> dict[str, Any]:
    return {"messages": row["messages"][:end]}


def _raw(before: bytes, after: bytes) -> Maker:
    """Change the JSON itself, after the first place where `before` stands."""
    return lambda _chance, row: json.dumps(row).encode().replace(before, after, 1)


def _asking(row: dict[str, Any]) -> dict[str, Any]:
    row["messages"].insert(0, {"role": "user", "content": "One question, and then another:"})
    return row


def _late(row: dict[str, Any]) -> dict[str, Any]:
    row["messages"].insert(1, {"role": "system", "content": "Be kind."})
    return row


MAKERS: dict[str, Maker] = {
    "DT201": _raw(b"}", b"}}"),
    "DT202": _row(lambda _row: b"  "),
    "DT203": _raw(b'"content": "', b'"content": "\xe9t\xe9 '),
    "DT205": _raw(b"{", b'{"score": NaN, '),
    "DT206": _raw(b'"role": "user"', b'"role": "user", "role": "user"'),
    "DT207": _raw(b'"content": "', b'"content": "\\ud83d '),
    "DT208": _raw(b"{", b'{"deep": ' + b"[" * 70 + b"]" * 70 + b", "),
    "DT209": _row(lambda row: row["messages"]),
    "DT210": _row(lambda row: {**row, "source": "web"}),
    "DT211": _row(lambda row: {**row, "tools": None}),
    "DT301": _row(lambda row: {"text": row["messages"][0]["content"]}),
    "DT302": _row(lambda row: _cut(row, 1)),
    "DT303": _row(lambda row: {"messages": [one for one in row["messages"] if one["role"] == "user"][:2]}),
    "DT304": _row(_asking),
    "DT305": _row(_late),
    "DT306": _row(lambda row: _cut(row, -1)),
    "DT308": _row(lambda row: {"messages": [one for one in row["messages"] if one["role"] != "user"][:2]}),
    "DT401": _row(lambda row: {"messages": [row["messages"][0]["content"], *row["messages"][1:]]}),
    "DT402": _row(lambda row: _with(row, 0, role=3)),
    "DT403": _row(lambda row: _with(row, 0, role="customer")),
    "DT404": _row(lambda row: _with(row, 1, content=None)),
    "DT405": _row(lambda row: _with(row, 1, content=" \n ")),
    "DT406": _row(lambda row: _with(row, 1, name="Acme")),
    "DT407": _row(lambda row: _with(row, 1, tool_calls=[{"id": "1"}])),
    "DT408": _row(lambda row: _with(row, 1, weight=0)),
    "DT501": _said(0, "<|assistant|>", "</s>", "[/INST]", "<|im_end|>", "<end_of_turn>"),
    "DT502": _said(1, "zero\u200bwidth", "\u202etfel", "bell\x07", "\ufeffmark", "soft\u2060join"),
    "DT503": _said(
        0, "AKIAQ7#7K2M5N8P3R6T9", "ghp_" + "*" * 36, "glpat-" + "*" * 20, "hf_" + "*" * 34,
        "sk_live_" + "*" * 24, "xoxb-##########-" + "*" * 20, "postgres://anna:k#*#*#*#@db.acme.net/x",
        "-----BEGIN OPENSSH PRIVATE KEY-----", "AccountKey=" + "*" * 64 + "==", "npm_" + "*" * 36,
    ),
    "DT504": _said(
        1, "4539 1488 0343 6467", "5425233430109903", "3742-454554-00126", "anna.kern#@gmail.com",
        "DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "536-22-8726", "+41 44 668 18 ##",
        "(212) 736-5###",
    ),
    "DT505": _said(1, "caf\u00c3\u00a9", "it\u00e2\u20ac\u2122s", "10\u00c2\u00b0C", "lost \ufffd sign"),
    "DT506": _said(1, "<p>", "<br/>", '<a href="x">', "&amp;", "&nbsp;", "</div>"),
    "DT507": _answered(
        "I'm sorry, but I can't help with that.", "As an AI language model, I have no garden.",
        "I cannot assist with this request.", "Sorry, I can't provide that.",
    ),
    "DT508": _answered("N/A", "TODO", "...", "lorem ipsum dolor", "undefined", "[insert answer]", "TBD."),
}  # fmt: skip
