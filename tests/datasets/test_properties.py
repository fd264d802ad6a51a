"""What holds for every data set: nothing is changed, cuts and luck change nothing, no line hides another."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.datasets import CheckOptions, Report, Source, prepare, prepare_parts
from shared.datasets.split import FEWEST_QUESTIONS
from tests.datasets.helpers import Files
from tests.datasets.strategies import any_line, chat_sets, cuts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.domain.drops import Part

ROOT = Path(__file__).parents[2]
PARTS = ("train", "validation", "test")
ALL = CheckOptions(dedupe=False, max_bad_fraction=1, most_findings=1000)
WHOLE_ROWS, UNREADABLE = "DT107", "DT112"
OF_OTHERS = {"DT307", "DT310", "DT311"}  # what only an earlier row makes a fault
# Split, its train part has one question, with two answers, and its validation part no row.
ONE_LEFT_TO_TRAIN = b"".join(
    b'{"instruction":"%b","output":"%b","input":""}\n' % pair
    for pair in ((b"0", b"0"), (b"1", b"0"), (b"0000", b"0"), (b"0000", b"1"))
)
FIRST = b"no JSON, and no sign of a packed file\n"
PLACES = st.lists(st.integers(0, 100_000), max_size=30)


def prepared(chunks: Iterable[bytes], options: CheckOptions = ALL) -> tuple[Report, Files]:
    files = Files()
    return prepare(chunks, options, files), files


def chats(rows: Iterable[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    return [[(one["role"], one["content"]) for one in row["messages"]] for row in rows]


def question(row: dict[str, Any]) -> str:
    first = next(one["content"] for one in row["messages"] if one["role"] == "user")
    return "".join(first.casefold().split())


@given(chat_sets())
@settings(max_examples=50, deadline=None)
def test_any_valid_chats_come_back_unchanged(
    made: tuple[str, bytes, list[list[tuple[str, str]]]],
) -> None:
    _kind, data, expected = made
    report, files = prepared([data])
    assert report.rows.refused == 0
    assert report.rows.accepted == len(expected)
    assert sorted(chat for part in PARTS for chat in chats(files.rows(part))) == sorted(expected)
    columns = [row.keys() for part in PARTS for row in files.rows(part)]
    assert all(keys == {"messages", "prompt", "prompt_id"} for keys in columns)


@given(chat_sets())
@example(("Alpaca", ONE_LEFT_TO_TRAIN, []))
@settings(max_examples=50, deadline=None)
def test_what_was_prepared_is_right_and_stays_where_it_was_put(
    made: tuple[str, bytes, list[list[tuple[str, str]]]],
) -> None:
    first, files = prepared([made[1]])
    if WHOLE_ROWS in first.counts:
        return  # too few questions: one may be on two sides
    given = {part: files.data[f"{part}.jsonl"] for part in PARTS if files.data[f"{part}.jsonl"]}
    sources = [Source([data], cast("Part", part), part) for part, data in given.items()]
    again = Files()
    report = prepare_parts(sources, CheckOptions(0, 0, dedupe=False, max_bad_fraction=1), again)
    assert report.rows.refused == 0
    if WHOLE_ROWS in report.counts:
        return  # the part without rows was filled with rows of a question that train keeps
    for part, data in given.items():
        assert sorted(again.data[f"{part}.jsonl"].splitlines()) == sorted(data.splitlines())


@given(st.lists(any_line(), max_size=25), PLACES, PLACES, st.sampled_from([b"", b"\n"]))
@example([b"\x1f\x8b", b"{}"], [4], [], b"")
@example([b"\x1f\x8b"], [], [], b"")
@settings(max_examples=50, deadline=None)
def test_cut_or_packed_anyhow_a_file_is_the_same_file(
    lines: list[bytes], places: list[int], members: list[int], end: bytes
) -> None:
    data = b"\n".join(lines) + end
    once, whole = prepared([data])
    if UNREADABLE in once.counts:
        return  # it begins like a packed file: how much of it is read until that breaks depends on the cuts
    cut, pieces = prepared(cuts(data, places))
    assert cut == once
    assert pieces.data == whole.data
    if not data:
        return
    packed = b"".join(gzip.compress(part) for part in cuts(data, members))
    unpacked, from_gzip = prepared(cuts(packed, places))
    assert from_gzip.data == whole.data
    assert (unpacked.findings, unpacked.rows, unpacked.data_digest) == (
        once.findings,
        once.rows,
        once.data_digest,
    )


@given(chat_sets(), st.floats(0, 0.45), st.floats(0, 0.45))
@settings(max_examples=50, deadline=None)
def test_no_first_question_is_in_two_parts(
    made: tuple[str, bytes, list[list[tuple[str, str]]]], validation: float, test: float
) -> None:
    options = CheckOptions(validation, test, dedupe=False, max_bad_fraction=1)
    _report, files = prepared([made[1]], options)
    sides = [{question(row) for row in files.rows(part)} for part in PARTS]
    if len(sides[0] | sides[1] | sides[2]) >= FEWEST_QUESTIONS:
        assert sum(map(len, sides)) == len(sides[0] | sides[1] | sides[2])


@given(st.lists(any_line(), min_size=1, max_size=25))
@settings(max_examples=50, deadline=None)
def test_a_line_has_the_findings_it_has_alone(lines: list[bytes]) -> None:
    report, files = prepared([FIRST + b"".join(line + b"\n" for line in lines)])
    found = [
        (one.line, one.code, one.found) for one in report.findings if one.line and one.code not in OF_OTHERS
    ]
    alone = []
    for number, line in enumerate(lines, 2):
        single = prepare([FIRST + line + b"\n"], ALL)
        alone += [(number, one.code, one.found) for one in single.findings if one.line == 2]
    assert [one for one in found if one[0] > 1] == alone
    placed = [one.line or 0 for one in report.findings]
    assert placed == sorted(placed)
    assert report.counts == Counter(one.code for one in report.findings)
    rows = report.rows
    assert rows.accepted + rows.refused + rows.duplicates == rows.total
    assert sum(len(files.rows(part)) for part in PARTS) == rows.accepted
    assert len(files.rows("rejected")) == rows.refused


@given(st.lists(any_line(), max_size=12), st.lists(any_line(), max_size=12), any_line())
@settings(max_examples=50, deadline=None)
def test_one_line_more_changes_no_other_lines_findings(
    before: list[bytes], after: list[bytes], more: bytes
) -> None:
    def found(lines: list[bytes]) -> list[tuple[int, str, str]]:
        report = prepare([FIRST + b"".join(line + b"\n" for line in lines)], ALL)
        return [
            (one.line, one.code, one.found)
            for one in report.findings
            if one.line and one.code not in OF_OTHERS
        ]

    place = len(before) + 2
    without, with_it = found(before + after), found([*before, more, *after])
    others = [(line - (line > place), code, what) for line, code, what in with_it if line != place]
    assert others == without


SAME = """
import hashlib, random, sys
from shared.datasets import CheckOptions, prepare
from tests.datasets.helpers import Files
from tests.datasets.seeded import corpus
lines, _seeded = corpus(5)
files = Files()
report = prepare([b"\\n".join(lines)], CheckOptions(max_bad_fraction=1), files)
made = b"".join(files.data[name] for name in sorted(files.data)) + report.to_json()
print(hashlib.sha256(made).hexdigest())
"""


def test_the_same_file_gives_the_same_bytes_whatever_the_process() -> None:
    digests = set()
    for seed, zone, locale in (("0", "UTC", "C"), ("4711", "Pacific/Auckland", "C.UTF-8")):
        done = subprocess.run(
            [sys.executable, "-c", SAME],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "PATH": "/usr/bin:/bin"},
            check=True,
            capture_output=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1
    assert json.dumps(len(next(iter(digests)).strip())) == "64"
