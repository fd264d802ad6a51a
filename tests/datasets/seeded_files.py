"""Whole files with one fault that concerns all of them, and files that look like it and are right."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from tests.datasets.clean import chat

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    Bytes = Callable[[random.Random], bytes]

TIMES = 20
CLEAN_FILES = 40
SMALL = 400_000  # bytes: what a file may have here
FEW = {"DT101", "DT106"}  # a file with no row, or with few


def rows(chance: random.Random, count: int) -> list[dict[str, Any]]:
    return [chat(chance, number) for number in range(count)]


def jsonl(chance: random.Random, made: list[Any]) -> bytes:
    spell = chance.random() < 0.5
    return b"".join(json.dumps(row, ensure_ascii=spell).encode() + b"\n" for row in made)


def right(chance: random.Random) -> bytes:
    """Make a clean file of any length, plain or packed."""
    data = jsonl(chance, rows(chance, chance.randint(60, 120)))
    return gzip.compress(data) if chance.random() < 0.3 else data


def _empty(chance: random.Random) -> bytes:
    return chance.choice([b"", b"\n" * chance.randint(1, 9), gzip.compress(b""), gzip.compress(b" \n")])


def _large(chance: random.Random) -> bytes:
    return jsonl(chance, rows(chance, 100)) * (SMALL // 50_000)


def _few(chance: random.Random) -> bytes:
    return jsonl(chance, rows(chance, chance.randint(4, 11)))


def _one_question(chance: random.Random) -> bytes:
    answers = [row["messages"][-1] for row in rows(chance, 60)]
    return jsonl(chance, [{"messages": [{"role": "user", "content": "Why?"}, one]} for one in answers])


def _mixed(chance: random.Random) -> bytes:
    made: list[Any] = rows(chance, 80)
    place = chance.randrange(80)
    question, answer = (one["content"] for one in made[place]["messages"][-2:])
    made[place] = chance.choice(
        [
            {"prompt": question, "completion": answer},
            {"instruction": question, "input": "", "output": answer},
            {"conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]},
        ]
    )
    return jsonl(chance, made)


def _bomb(chance: random.Random) -> bytes:
    return gzip.compress(jsonl(chance, rows(chance, 40)) + b" " * SMALL * 3)


def _damaged(chance: random.Random) -> bytes:
    packed = gzip.compress(jsonl(chance, rows(chance, 60)))
    place = chance.randrange(20, len(packed) - 1)
    flipped = packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :]
    return chance.choice([packed[:place], flipped, packed + b"tail", gzip.compress(packed)])


def _plain(change: Callable[[bytes], bytes]) -> Bytes:
    return lambda chance: change(jsonl(chance, rows(chance, 60)))


FILES: dict[str, Bytes] = {
    "DT101": _empty,
    "DT102": _large,
    "DT103": _plain(lambda data: b"\xef\xbb\xbf" + data),
    "DT104": _plain(lambda data: data.replace(b"\n", b"\r\n")),
    "DT105": _plain(lambda data: data[:-1]),
    "DT106": _few,
    "DT107": _one_question,
    "DT108": _plain(lambda data: data),  # with shares that leave next to nothing
    "DT110": _mixed,
    "DT111": _bomb,
    "DT112": _damaged,
}


def long_line(chance: random.Random) -> tuple[Iterator[bytes], int]:
    """Give a file in pieces, and the number of the line in it that is longer than 8 MiB."""
    before, after = rows(chance, chance.randint(0, 30)), rows(chance, 30)

    def pieces() -> Iterator[bytes]:
        yield jsonl(chance, before) + b'{"messages": [{"role": "user", "content": "'
        yield from [b"long " * 200_000] * 9
        yield b'"}]}\n' + jsonl(chance, after)

    return pieces(), len(before) + 1
