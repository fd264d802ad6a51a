"""Several cores give what one gives, byte for byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shared.datasets import CheckOptions, prepare
from shared.datasets.prediction import foretold_of
from tests.datasets.helpers import Files, chat, jsonl
from tests.datasets.tokenizing import files

if TYPE_CHECKING:
    from shared.datasets.tokenizer_files import TokenizerFiles


@pytest.mark.parametrize("tokenizer", [None, files(600)], ids=["estimated", "counted"])
def test_two_processes_find_and_write_what_one_does(tokenizer: TokenizerFiles | None) -> None:
    rows = [chat(f"Question {n % 9000}, asked {n % 3} times?", f"Answer {n}. " * 40) for n in range(12_000)]
    lines = [json.dumps(row).encode() for row in rows]
    lines[3], lines[7000], lines[11_000] = b"oops", b"", lines[10_999]
    lines[5000] = jsonl([chat("Hi", "My card: 4539 1488 0343 6467")]).strip()
    lines[6000] = jsonl([chat("x" * 700)]).strip()
    data = b"\n".join(lines)
    options = CheckOptions(max_bad_fraction=0.1, tokenizer=tokenizer)
    alone, shared = Files(), Files()
    one = prepare((data[n : n + 70_001] for n in range(0, len(data), 70_001)), options, alone)
    two = prepare((data[n : n + 4_000_000] for n in range(0, len(data), 4_000_000)), options, shared, cores=2)
    assert len(data) > 6_000_000
    assert {"DT201", "DT202", "DT307", "DT504"} <= set(one.counts)
    if tokenizer is not None:
        assert one.counts["DT601"] > 100
        assert one.counts["DT602"] == 1
        assert one.prediction == foretold_of([data], tokenizer.counter())
    assert one == two
    assert alone.data == shared.data
