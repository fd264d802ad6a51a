"""One measured run in a process of its own: `python timed.py WHAT FILE pinned|free`; prints one JSON line.

Imports nothing of the project but for `check` and `least`, so that the peers' environment can run it too.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.datasets.tokenizer_files import TokenizerFiles

LIMIT = 8192  # tokens, the small model's own
SAMPLED = 2000


def decode(path: str) -> float:
    import msgspec

    message: Any = msgspec.defstruct("Message", [("role", str), ("content", str)])
    text: Any = str | None
    fields: list[Any] = [("messages", list[message]), ("prompt", text, None), ("prompt_id", text, None)]
    row = msgspec.defstruct("Row", fields)
    one = msgspec.json.Decoder(row).decode
    begun = time.perf_counter()
    with open(path, "rb") as file:  # noqa: PTH123 - as a peer would
        for line in file:
            one(line)
    return time.perf_counter() - begun


def together(path: str) -> float:
    from together.lib.utils.files import check_file  # type: ignore[import-not-found]

    begun = time.perf_counter()
    if not check_file(path)["is_check_passed"]:
        raise SystemExit("together refuses the bench's file")
    return time.perf_counter() - begun


def least(path: str) -> float:
    """Do what no check of this kind can do without, and nothing else: a floor for `check`.

    Typed decode of many rows at once, a hash of each message, one of three passes of the scan, and the
    tokens of 2,000 rows.
    """
    tokenizer = _tokenizer()
    import hyperscan
    import msgspec
    import xxhash

    from shared.datasets.blocks import Seen, blocks, cut
    from shared.datasets.examine import PIECE
    from shared.datasets.rows import Row
    from shared.datasets.scan import WORDS, _database

    (database, _codes), hits = _database(WORDS), list[int]()
    scratch, counter = hyperscan.Scratch(database), tokenizer.counter()
    decode_lines, sample = msgspec.json.Decoder(Row).decode_lines, list[Row]()

    def on_match(_shape: int, _begin: int, end: int, _flags: int, _context: object) -> None:
        hits.append(end)

    begun = time.perf_counter()
    for block in blocks(_chunks(path), Seen()):
        for piece in cut(block.data, PIECE):
            rows = decode_lines(piece)
            for row in rows:
                for message in row.messages:
                    xxhash.xxh3_64_digest(message.content.encode())
            database.scan(piece, match_event_handler=on_match, scratch=scratch)
            if len(sample) < SAMPLED:
                sample += rows
    counter.totals([row.messages for row in sample[:SAMPLED]])
    return time.perf_counter() - begun


def check(path: str, cores: int = 1) -> float:
    tokenizer = _tokenizer()
    from shared.datasets import CheckOptions, prepare, render_html
    from shared.datasets.closeness import near_copies
    from shared.datasets.languages import language_mix
    from shared.datasets.rows import Message
    from shared.datasets.scan import Scanner

    said = [Message("user", "The opening hours are on the door of the shop, as they have always been.")]
    # Start-up is told apart.
    Scanner(), language_mix([said]), near_copies([said]), tokenizer.counter().count([said])
    options = CheckOptions(max_bytes=1 << 40, tokenizer=tokenizer)

    begun = time.perf_counter()
    report = prepare(_chunks(path), options, cores=cores)
    if report.tokens is None or report.tokens["sampled"] < SAMPLED:
        raise SystemExit("no sample of 2,000 rows was counted")
    if report.verdict != "usable" or not render_html(report, "bench") or not report.to_json():
        raise SystemExit(f"the bench's own data is {report.verdict}: {report.reason}")
    return time.perf_counter() - begun


def check2(path: str) -> float:
    return check(path, cores=2)


def _chunks(path: str) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        while chunk := file.read(96 << 10):
            yield chunk


def _tokenizer() -> TokenizerFiles:
    """Give the small model's, and let the project be found."""
    root = Path(__file__).parents[2]
    sys.path.insert(0, str(root))
    from shared.datasets.tokenizer_files import NAMES, TokenizerFiles

    model = root / ".droptune" / "models" / "small"
    kept = {name: (model / name).read_bytes() for name in NAMES if (model / name).is_file()}
    tokenizer = TokenizerFiles.of("SmolLM2-135M-Instruct", kept, LIMIT)
    if tokenizer is None:
        raise SystemExit("the small model is not there: python3 dev.py up")
    return tokenizer


def main(what: str, path: str, pinned: str) -> None:
    begun = time.perf_counter()
    if pinned == "pinned":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    seconds = {"decode": decode, "together": together, "least": least, "check": check, "check2": check2}[
        what
    ](path)
    whole = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if what == "check2":  # two workers, as large as the larger one; memory that all share counts each time
        peak += 2 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "startup": whole - seconds, "megabytes": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
