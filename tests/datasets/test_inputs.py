"""Packed files: the same rows, the same report; damaged or swollen ones are told."""

from __future__ import annotations

import bz2
import datetime as dt
import decimal
import gzip
import io
import lzma
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


def test_a_part_without_rows_and_noughts_behind_the_end_change_nothing() -> None:
    for size in (1, 7, 1 << 16):
        packed = gzip.compress(PLAIN) + gzip.compress(b"") + bytes(1000) + gzip.compress(PLAIN[:700])
        packed += bytes(512)
        report = prepare((packed[i : i + size] for i in range(0, len(packed), size)), CheckOptions())
        assert "DT112" not in report.counts
        assert report.rows.total == 60 + PLAIN[:700].count(b"\n") + 1


@pytest.mark.parametrize("size", [1, 1 << 16])
def test_bytes_behind_the_end_are_told(size: int) -> None:
    for tail in (b"garbage", b"\x1f", b"\x1f\x8b", b"\0\0\x1f", b"\n"):
        packed = gzip.compress(PLAIN) + tail
        report = prepare((packed[i : i + size] for i in range(0, len(packed), size)), CheckOptions())
        assert (report.verdict, dict(report.counts)) == ("rejected", {"DT112": 1}), tail
        assert report.rows.total == 60


PACKINGS = {
    "a ZIP archive": b"PK\x03\x04" + PLAIN,
    "Zstandard data": b"\x28\xb5\x2f\xfd" + PLAIN,
    "bzip2 data": bz2.compress(PLAIN),
    "XZ data": lzma.compress(PLAIN),
    "a 7z archive": b"7z\xbc\xaf\x27\x1c" + PLAIN,
    "gzip data packed into gzip once more": gzip.compress(gzip.compress(PLAIN)),
    "a Parquet file packed into gzip once more": gzip.compress(parquet(good(20))),
    "XZ data packed into gzip once more": gzip.compress(lzma.compress(PLAIN)),
}


# By name alone: gzip writes the second into its bytes, and workers that name a test differently run none.
@pytest.mark.parametrize("name", PACKINGS)
def test_another_packing_is_named(name: str) -> None:
    report = check(PACKINGS[name])
    assert (report.verdict, dict(report.counts)) == ("rejected", {"DT112": 1})
    assert f"{name}, where JSON lines were expected" in report.reason


@pytest.mark.parametrize(
    "data", [b"", b"P", b"PAR", b"\x1f", b"\x1f\x8b", b"\x1f\x8b\x08", b"PAR1", b"PAR1PAR1", b"BZh9", b"{"]
)
def test_the_start_of_a_file_is_no_crash(data: bytes) -> None:
    assert check(data).verdict == "rejected"
    assert prepare((bytes([one]) for one in data), CheckOptions()) == check(data)


def test_a_file_cut_anywhere_is_rejected_or_loses_its_last_row_alone() -> None:
    for packed in (gzip.compress(PLAIN), parquet(good(60))):
        for end in range(0, len(packed) - 1, 37):
            report = check(packed[:end], max_bad_fraction=1)
            assert report.verdict == "rejected"
    for end in range(len(PLAIN) - 900, len(PLAIN)):
        report = check(PLAIN[:end], max_bad_fraction=1)
        whole = PLAIN[:end].count(b"\n")
        assert report.rows.accepted - whole in {0, 1}
        assert report.rows.refused + report.rows.accepted - whole == (PLAIN[:end][-1:] != b"\n")


def column(kind: pa.DataType, values: list[object]) -> bytes:
    file = io.BytesIO()
    table = pa.table({"prompt": [f"Question {n}?" for n in range(40)], "completion": pa.array(values, kind)})
    pq.write_table(table, file)
    return file.getvalue()


TEXTS: list[object] = [f"Answer {n}, na\u00efvely." for n in range(40)]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_texts_are_texts_however_arrow_keeps_them(kind: pa.DataType) -> None:
    expected = prepare(
        [jsonl({"prompt": f"Question {n}?", "completion": text} for n, text in enumerate(TEXTS))],
        CheckOptions(),
    )
    assert check(column(kind, TEXTS)).data_digest == expected.data_digest
    as_bytes: list[object] = [str(text).encode() for text in TEXTS]
    assert check(column(pa.binary(), as_bytes)).data_digest == expected.data_digest


@pytest.mark.parametrize(
    ("kind", "value", "what"),
    [
        (pa.binary(), b"\xff\xd8\xff\xe0", "an object"),
        (pa.decimal128(9, 2), decimal.Decimal("1.50"), "a number"),
        (pa.int64(), 7, "a number"),
        (pa.float64(), 2.5, "a number"),
        (pa.bool_(), True, "a boolean"),
        (pa.list_(pa.string()), ["a"], "a list"),
        (pa.struct([("text", pa.string())]), {"text": "a"}, "an object"),
    ],
)
def test_what_is_no_text_is_never_made_one(kind: pa.DataType, value: object, what: str) -> None:
    report = check(column(kind, [value] * 40))
    assert report.rows.refused == 40
    assert {one.code for one in report.findings if one.line} == {"DT404"}
    assert report.findings[-1].found == f"message 2 has {what} as its content"


def test_columns_of_any_kind_that_nobody_reads_are_mentioned_alone() -> None:
    more: dict[str, object] = {
        "image": {"bytes": b"\x89PNG\r\n", "path": None},
        "price": decimal.Decimal("9.90"),
        "seen": dt.datetime(2026, 11, 28, tzinfo=dt.UTC),
        "score": float("nan"),
        "meta": {"tags": [["a", None], []], "deep": {"deeper": [1]}},
    }
    rows: list[dict[str, object]] = [{**row, **more} for row in good(40)]
    report = check(parquet(rows))
    assert (report.verdict, set(report.counts)) == ("usable", {"DT210"})


def test_a_parquet_file_without_rows_has_no_row_and_is_not_damaged() -> None:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(good(1)).slice(0, 0), file)
    assert set(check(file.getvalue()).counts) == {"DT101"}


def test_why_parquet_cannot_be_read_is_said() -> None:
    file = io.BytesIO()
    pairs = pa.array([[("a", 1)]] * 40, pa.map_(pa.string(), pa.int64()))
    pq.write_table(pa.table({"prompt": ["a"] * 40, "completion": ["b"] * 40, "m": pairs}), file)
    assert "map<string, int64" in check(file.getvalue()).reason


def test_missing_values_in_parquet_get_the_codes_they_get_in_json() -> None:
    odd: list[dict[str, object]] = [
        {"messages": None},
        {"messages": []},
        {"messages": [None]},
        {"messages": [{"role": None, "content": None}]},
    ]
    report = check(parquet([*good(40), *odd]), max_bad_fraction=1)
    found = [(one.line, one.code) for one in report.findings]
    assert found == [(41, "DT301"), (42, "DT302"), (43, "DT401"), (44, "DT402"), (44, "DT404")]


def test_an_absent_column_is_no_fault() -> None:
    rows: list[dict[str, object]] = [chat(f"Q {n}?", f"A {n}.", tools=None, prompt=None) for n in range(40)]
    assert check(parquet(rows)).verdict == "usable"
