"""Data sets and outputs for tests."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.datasets import CheckOptions, Report, prepare

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Files:
    """Outputs kept in memory, by name."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    @contextmanager
    def open(self, name: str) -> Iterator[io.BytesIO]:
        file = io.BytesIO()
        yield file
        self.data[name] = file.getvalue()

    def rows(self, part: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.data[f"{part}.jsonl"].splitlines()]


def chat(question: str, answer: str = "Yes.", **more: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        **more,
    }


def jsonl(rows: Iterable[Any]) -> bytes:
    lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    return b"".join(line + b"\n" for line in lines)


def good(count: int = 40) -> list[Any]:
    return [chat(f"Question {n}?", f"Answer {n}.") for n in range(count)]


def check(data: bytes, **options: Any) -> Report:
    return prepare([data], CheckOptions(**options))


def split(data: bytes, **options: Any) -> tuple[Report, Files]:
    files = Files()
    return prepare([data], CheckOptions(**options), files), files
