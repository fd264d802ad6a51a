"""Packed files: the same rows, the same report; damaged or swollen ones are told."""

from __future__ import annotations

import gzip
import io
import os
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.datasets import CheckOptions, prepare
from tests.datasets.helpers import Files, chat, check, good, jsonl

PLAIN = jsonl(good(60))


def parquet(rows: list[dict[str, object]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize(
    "packed",
    [gzip.compress(PLAIN), gzip.compress(PLAIN[:900]) + gzip.compress(PLAIN[900:]), parquet(good(60))],
    ids=["gzip", "two members", "parquet"],
)
def test_packed_rows_are_the_same_rows(packed: bytes, size: int) -> None:
    plain, files = Files(), Files()
    expected = prepare([PLAIN], CheckOptions(), plain)
    report = prepare((packed[i : i + size] for i in range(0, len(packed), size)), CheckOptions(), files)
    assert report.data_digest == expected.data_digest
    assert report.rows == expected.rows
    assert files.rows("train") == plain.rows("train")


def test_a_gzip_that_breaks_off_is_told() -> None:
    report = check(gzip.compress(PLAIN)[:-20])
    assert (report.verdict, report.counts) == ("rejected", {"DT112": 1})
    assert "breaks off" in report.reason


def test_damage_is_told() -> None:
    packed = bytearray(gzip.compress(PLAIN + os.urandom(5000)))
    packed[300] ^= 0xFF
    assert "DT112" in check(bytes(packed)).counts
    assert "DT112" in check(parquet(good(60))[:-30]).counts


def test_a_bomb_is_not_unpacked() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packer.compress(b" " * (1 << 20)) for _ in range(200)]) + packer.flush()
    assert len(bomb) < 1 << 20
    report = check(bomb, max_bytes=2 << 20)
    assert report.verdict == "rejected"
    assert "DT111" in report.counts


def test_an_absent_column_is_no_fault() -> None:
    rows: list[dict[str, object]] = [chat(f"Q {n}?", f"A {n}.", tools=None, prompt=None) for n in range(40)]
    assert check(parquet(rows)).verdict == "usable"
