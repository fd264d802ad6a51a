"""The hostile corpus between right rows: each fault named at its line, and the rows around it read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.datasets import CheckOptions, prepare
from tests.datasets.helpers import Files, chat, jsonl
from tests.datasets.hostile import CASES, TEXTS, Case

if TYPE_CHECKING:
    from shared.datasets import Report

BEFORE, AFTER = jsonl([chat("First?")]), jsonl([chat("Last?")])
CHUNKS = (1, 7, 1 << 16)
PARTS = ("train", "validation", "test")
MOST_BY_ONE = 5_000  # longer cases are cut into 7 and 64 KiB alone: a byte at a time takes its time
NAMES = [f"{case.verdict}-{case.name}" for case in CASES]


def read(data: bytes, size: int) -> Report:
    pieces = (data[place : place + size] for place in range(0, len(data), size))
    return prepare(pieces, CheckOptions(max_bad_fraction=1))


def within(value: bytes) -> bytes:
    return (
        b'{"messages": [{"role": "user", "content": %b}, {"role": "assistant", "content": "Yes."}]}' % value
    )


def hold(line: bytes, code: str) -> None:
    """Put a line between two right rows; it gets this code alone, or is accepted, however the file is cut."""
    data = BEFORE + line + b"\n" + AFTER
    report = prepare([data], CheckOptions(max_bad_fraction=1))
    blank = code == "DT202"
    found = {one.code for one in report.findings if one.line == 2 and (one.severity == "error" or blank)}
    assert found == ({code} if code else set())
    assert not [one for one in report.findings if one.line in {1, 3}]
    assert report.rows.refused == bool(code and not blank)
    assert report.rows.accepted == 2 + (not code)
    for size in CHUNKS:
        if size > 1 or len(data) < MOST_BY_ONE:
            assert read(data, size) == report


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_as_a_row(case: Case) -> None:
    if case.row is None:
        pytest.skip("no row")
    hold(case.data, case.row)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_as_content(case: Case) -> None:
    if case.content is None:
        pytest.skip("would be right, as a pair among others")
    hold(within(case.data), case.content)


def test_the_corpus_is_large_and_each_case_its_own() -> None:
    assert len(CASES) >= 150
    assert not [name for name, count in Counter(case.name for case in CASES).items() if count > 1]
    assert not [data for data, count in Counter(case.data for case in CASES).items() if count > 1]
    assert not [case.name for case in CASES if b"\n" in case.data]
    assert {case.verdict for case in CASES} == {"y", "n", "i"}


def test_right_texts_come_out_as_they_went_in() -> None:
    files = Files()
    prepare([jsonl(within(text.encode()) for text in TEXTS.values())], CheckOptions(dedupe=False), files)
    rows = [row for part in PARTS for row in files.rows(part)]
    assert sorted(row["messages"][0]["content"] for row in rows) == sorted(map(json.loads, TEXTS.values()))


def test_all_at_once_each_keeps_its_line() -> None:
    lines = [case.data for case in CASES if case.row not in {None, "DT202"}]
    data = jsonl(line for case in lines for line in (case, chat("Between?")))
    report = prepare([data], CheckOptions(max_bad_fraction=1, dedupe=False))
    assert report.rows.refused == len(lines)
    assert report.rows.accepted == len(lines)
    assert all(one.line % 2 for one in report.findings if one.line and one.severity == "error")


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (b'{"messages": "a\nb"}', [(2, "DT201"), (3, "DT201")]),
        (b"[1,\n2]", [(2, "DT201"), (3, "DT201")]),
        (b'{\n"messages": []\n}', [(2, "DT201"), (3, "DT201"), (4, "DT201")]),
        (b"[\n" + b"[" * 100, [(2, "DT201"), (3, "DT208")]),
    ],
)
def test_a_value_over_several_lines_is_refused_line_by_line(
    line: bytes, codes: list[tuple[int, str]]
) -> None:
    report = prepare([BEFORE + line + b"\n" + AFTER], CheckOptions(max_bad_fraction=1))
    assert [(one.line, one.code) for one in report.findings if one.line] == codes
    assert report.rows.accepted == 2


A, B = (json.dumps(chat(question)).encode() for question in ("One?", "Other?"))


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        (A + B + b"\n\n", 2),
        (A + b" " + B + b"\n\n", 2),
        (A[:13] + b"\n" + A[13:] + B + b"\n", 2),
        (A + b"\r" + B + b"\n\n", 2),
        (b"\n" + A + B + b"\n", 3),
    ],
)
def test_two_rows_on_a_line_are_refused_though_another_line_is_empty(lines: bytes, wrong: int) -> None:
    report = prepare([BEFORE + lines + AFTER], CheckOptions(max_bad_fraction=1))
    assert (wrong, "DT201") in {(one.line, one.code) for one in report.findings}
    assert report.rows.accepted == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_a_file_in_a_wide_encoding_is_nothing_else(encoding: str) -> None:
    wide = jsonl(chat(f"Question {n}?") for n in range(30)).decode().encode(encoding)
    report = prepare([wide], CheckOptions(max_bad_fraction=1))
    assert report.rows.accepted == 0
    assert {one.code for one in report.findings if one.line} == {"DT203"}
    assert {one.found[:6] for one in report.findings if one.line} == {encoding[:6].upper()}


def test_nul_bytes_that_fill_a_file_up_are_called_so() -> None:
    report = prepare([BEFORE + AFTER + bytes(5000)], CheckOptions(max_bad_fraction=1))
    assert report.rows.accepted == 2
    assert [one.found for one in report.findings if one.line == 3] == [
        "a NUL byte where a value is wanted at character 1"
    ]


def test_lines_ended_by_a_carriage_return_alone_are_told() -> None:
    report = prepare([(BEFORE + AFTER).replace(b"\n", b"\r")], CheckOptions(max_bad_fraction=1))
    [found] = [one for one in report.findings if one.line]
    assert found.code == "DT201"
    assert found.found.startswith("a carriage return alone, which ends no line")


def test_other_line_separators_end_no_line() -> None:
    rows = [chat(f"One\u2028two\u2029three\x85four {n}?") for n in range(3)]
    files = Files()
    data = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    report = prepare([data], CheckOptions(), files)
    assert report.rows.accepted == 3
    kept = {file["messages"][0]["content"] for part in PARTS for file in files.rows(part)}
    assert kept == {row["messages"][0]["content"] for row in rows}


def test_very_many_short_lines_are_all_counted() -> None:
    report = prepare([b"\n" * 5_000 + b"1\n" * 5_000 + b"{}\n" * 5_000], CheckOptions())
    assert report.counts == {"DT202": 5_000, "DT209": 5_000, "DT301": 5_000, "DT106": 1}
    assert next(one.line for one in report.findings if one.code == "DT301") == 10_001


GIGABYTE = """
import re
from pathlib import Path
from shared.datasets import CheckOptions, prepare
from tests.datasets.helpers import good, jsonl

def chunks():
    yield jsonl(good(20)) + b'{"messages": [{"role": "user", "content": "'
    for _ in range(1024):
        yield b"x" * (1 << 20)
    yield b'"}]}' + b"\\n" + jsonl(good(40)[20:])

report = prepare(chunks(), CheckOptions(max_bad_fraction=1))
found = [(one.line, one.code) for one in report.findings if one.line]
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(found, report.rows.accepted, int(peak) >> 10)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="its peak memory is read from /proc")
def test_a_line_of_a_gigabyte_is_let_go_in_little_memory() -> None:
    root = Path(__file__).parents[2]
    output = subprocess.run(
        [sys.executable, "-c", GIGABYTE], cwd=root, check=True, capture_output=True
    ).stdout
    found, accepted, peak = output.decode().rsplit(" ", 2)
    assert (found, accepted) == ("[(21, 'DT204')]", "40")
    assert int(peak) < 200
