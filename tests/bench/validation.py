"""How fast a data set is checked and split, against a bare typed decode of the same lines; peak memory."""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from shared.datasets import CheckOptions, prepare
from shared.datasets.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTES = 200
CHUNK = 1 << 20


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chats.jsonl"
        write(path, MEGABYTES)
        before = _peak()
        decode, whole = _decode(path), _prepare(path, Path(folder))
        size = path.stat().st_size / 1e6
    print(f"{size:.0f} MB of chats, one process")
    print(f"bare msgspec decode   {size / decode:6.0f} MB/s")
    print(f"check, split, write   {size / whole:6.0f} MB/s   {decode / whole:.2f} of the decode")
    print(f"peak memory           {_peak():6.0f} MB   ({before:.0f} MB before)")


def write(path: Path, megabytes: int) -> None:
    """Write chats of the length and shape of ultrachat's."""
    chance = random.Random(3)  # noqa: S311 - made-up words, the same every time
    words = [f"{''.join(chance.choices('etaoinshrdlu', k=chance.randint(2, 9)))}" for _ in range(5000)]
    written, number = 0, 0
    with path.open("wb") as file:
        while written < megabytes * 1_000_000:
            turns = []
            for _ in range(chance.randint(1, 4)):
                turns.append(
                    {"role": "user", "content": " ".join(chance.choices(words, k=chance.randint(8, 40)))}
                )
                answer = " ".join(chance.choices(words, k=chance.randint(40, 250)))
                turns.append({"role": "assistant", "content": answer})
            number += 1
            row = {"prompt": turns[0]["content"], "messages": turns, "prompt_id": f"{number:064x}"}
            written += file.write(json.dumps(row).encode() + b"\n")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _decode(path: Path) -> float:
    decode = msgspec.json.Decoder(Row).decode
    begun = time.perf_counter()
    with path.open("rb") as file:
        for line in file:
            decode(line)
    return time.perf_counter() - begun


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        with (self._folder / name).open("wb") as file:
            yield file


def _prepare(path: Path, folder: Path) -> float:
    begun = time.perf_counter()
    report = prepare(_chunks(path), CheckOptions(), _Folder(folder))
    if report.verdict != "usable":
        raise SystemExit(f"the bench's own data is {report.verdict}: {report.reason}")
    return time.perf_counter() - begun


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024 * 1024)
