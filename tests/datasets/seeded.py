"""A corpus with known faults: each code at least twenty times, strewn among clean chats.

Every value is made up without luck: what stands for noise repeats no neighbour, spells no word and counts
nowhere up, so that nothing takes it for an example, whatever the seed.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from tests.datasets.clean import chat

if TYPE_CHECKING:
    from collections.abc import Callable

    Maker = Callable[[random.Random, dict[str, Any]], Any]

TIMES = 20
CLEAN = 1000  # with all others fewer than the sample that near copies are sought in
DIGITS, NOISE = "0235679", "bcdfghkmnpqrstvwzBCDFGHKMNPQRSTVWZ023456789"
TWO = ("user", "assistant")
Line = tuple[str, bytes]


def corpus(seed: int) -> tuple[list[bytes], dict[int, str]]:
    """Give the lines and, by number from 1, the code seeded in a line."""
    chance = random.Random(seed)  # noqa: S311 - the same faults for the same seed
    spell = chance.random() < 0.5
    clean = [_line(chat(chance, number), spell=spell) for number in range(CLEAN)]
    rows: list[Line] = [("", line) for line in clean]
    for place, (code, maker) in enumerate(MAKERS.items(), 1):
        for number in range(TIMES):
            made = maker(chance, _two(chat(chance, CLEAN * place + number)))
            rows.append((code, made if isinstance(made, bytes) else _line(made, spell=spell)))
    chance.shuffle(rows)
    rows += _after(chance, clean, spell=spell)
    return [line for _code, line in rows], {n: code for n, (code, _line) in enumerate(rows, 1) if code}


def _after(chance: random.Random, clean: list[bytes], *, spell: bool) -> list[Line]:
    """Make what only earlier rows make a fault: copies, near copies, and other answers to one question."""
    chosen = chance.sample(clean, 3 * TIMES)
    rows = [("DT307", line) for line in chosen[:TIMES]]
    for line in chosen[TIMES : 2 * TIMES]:
        row = json.loads(line)
        row["messages"][-1]["content"] = "It is quite another thing, I should say."
        rows.append(("DT310", _line(row, spell=spell)))
    for number, line in enumerate(chosen[2 * TIMES :]):
        row = json.loads(line)
        row["messages"][-1]["content"] += " " + "Much more is said of it here, at length and in detail. " * 9
        near = json.loads(json.dumps(row))
        near["messages"][0]["content"] += f" And {number}?"
        rows += [("DT310", _line(row, spell=spell)), ("DT311", _line(near, spell=spell))]
    return rows


def _line(row: Any, *, spell: bool) -> bytes:
    return json.dumps(row, ensure_ascii=spell).encode()


def _two(row: dict[str, Any]) -> dict[str, Any]:
    """Keep the first question and its answer, so that makers know their places."""
    kept = [message for message in row["messages"] if message["role"] in TWO]
    return {"messages": kept[:2]}


def _said(place: int, *texts: str) -> Maker:
    """Put one of the texts into a message, in a line of its own, so that nothing around is part of it."""

    def make(chance: random.Random, row: dict[str, Any]) -> Any:
        message = row["messages"][place]
        parts = [message["content"], _filled(chance, chance.choice(texts))]
        chance.shuffle(parts)
        message["content"] = "\n\n".join(parts)
        return row

    return make


def _answered(*texts: str) -> Maker:
    def make(chance: random.Random, row: dict[str, Any]) -> Any:
        row["messages"][-1]["content"] = chance.choice(texts)
        return row

    return make


def _filled(chance: random.Random, text: str) -> str:
    """Make a value up for each sign: # a digit, * a letter or digit; the same signs come round in turn."""
    rounds = {sign: chance.sample(signs, len(signs)) for sign, signs in (("#", DIGITS), ("*", NOISE))}
    made = []
    for place, sign in enumerate(text):
        if sign in rounds:
            signs = rounds[sign]
            made.append(signs[place % len(signs)])
        else:
            made.append(sign)
    return "".join(made)


def _row(change: Callable[[dict[str, Any]], Any]) -> Maker:
    return lambda _chance, row: change(row)


def _with(row: dict[str, Any], place: int, **more: Any) -> dict[str, Any]:
    row["messages"][place] |= more
    return row


def _cut(row: dict[str, Any], end: int | None) -> dict[str, Any]:
    return {"messages": row["messages"][:end]}


def _raw(before: bytes, after: bytes) -> Maker:
    """Change the JSON itself, at the first place where `before` stands."""
    return lambda _chance, row: json.dumps(row).encode().replace(before, after, 1)


def _broken_off(chance: random.Random, row: dict[str, Any]) -> bytes:
    line = json.dumps(row).encode()
    return line[: chance.randrange(1, len(line))]


def _asking(row: dict[str, Any]) -> dict[str, Any]:
    row["messages"].insert(0, {"role": "user", "content": "One question, and then another:"})
    return row


def _late(row: dict[str, Any]) -> dict[str, Any]:
    row["messages"].insert(1, {"role": "system", "content": "Be kind."})
    return row


def _only(role: str, row: dict[str, Any]) -> dict[str, Any]:
    """Keep one role, and a system message before it."""
    [said] = [message for message in row["messages"] if message["role"] == role]
    return {"messages": [{"role": "system", "content": "Be kind."}, said]}


MAKERS: dict[str, Maker] = {
    "DT201": _broken_off,
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
    "DT303": _row(lambda row: _only("user", row)),
    "DT304": _row(_asking),
    "DT305": _row(_late),
    "DT306": _row(lambda row: {"messages": [*row["messages"], {"role": "user", "content": "And then?"}]}),
    "DT308": _row(lambda row: _only("assistant", row)),
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
        "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "*" * 64, "AccountKey=" + "*" * 64 + "==",
        "npm_" + "*" * 36, "password: q7" + "*" * 14, "Authorization: Bearer 4k" + "*" * 40, "SK9" + "#" * 31,
        "contrase\u00f1a = 'q7" + "*" * 12 + "'", "sq0csp-" + "*" * 43,
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
AFTER = {"DT307", "DT310", "DT311"}
