"""Every seeded fault is found in its line, by its code, and clean lines and files are let be."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from shared.datasets import CHECKS, CheckOptions, Source, prepare, prepare_parts
from tests.datasets.clean import chat
from tests.datasets.helpers import check
from tests.datasets.seeded import AFTER, CLEAN, MAKERS, TIMES, corpus
from tests.datasets.seeded_files import CLEAN_FILES, FEW, FILES, SMALL, jsonl, long_line, right, rows

if TYPE_CHECKING:
    from shared.datasets import Report

SEEDS = (1, 2)
ELSEWHERE = ("DT6", "DT7")  # the foretelling and the data sets before have tests of their own


@pytest.mark.parametrize("seed", SEEDS)
def test_seeded_faults_are_found_and_little_else(seed: int) -> None:
    lines, seeded = corpus(seed)
    report = check(b"\n".join(lines) + b"\n", max_bad_fraction=1, most_findings=10_000)
    found = {(one.line, one.code) for one in report.findings}
    missed = [(line, code) for line, code in seeded.items() if (line, code) not in found]
    assert missed == []
    accused = {line for line, _code in found if line and line not in seeded}
    assert len(accused) <= CLEAN * 0.005, sorted(one for one in found if one[0] in accused)[:20]


def test_every_code_is_seeded_twenty_times() -> None:
    _lines, seeded = corpus(1)
    counts = Counter(seeded.values())
    of_lines = set(MAKERS) | AFTER
    assert set(counts) == of_lines
    assert min(counts.values()) >= TIMES >= 20
    assert of_lines | set(FILES) | {"DT109", "DT204"} == {
        code for code in CHECKS if code[:3] not in ELSEWHERE
    }


def checked(data: bytes, held_out: float = 0.1) -> Report:
    return prepare([data], CheckOptions(held_out, held_out, max_bytes=SMALL))


@pytest.mark.parametrize("code", FILES)
def test_a_fault_of_a_whole_file_is_found(code: str) -> None:
    for number in range(TIMES):
        data = FILES[code](random.Random(f"{code} {number}"))  # noqa: S311 - the same each time
        report = checked(data, 0.001 if code == "DT108" else 0.1)
        assert code in {one.code for one in report.findings if one.line is None}, number
        others = {other for other in report.counts if other[:3] == "DT1"} - {code, *FEW, "DT107", "DT108"}
        assert others <= ({"DT105"} if code == "DT112" else set()), number


def test_right_files_are_let_be() -> None:
    for number in range(CLEAN_FILES):
        report = checked(right(random.Random(number)))  # noqa: S311 - the same each time
        assert report.verdict == "usable"
        assert set(report.counts) <= {"DT108"}  # a part may be small by chance, and is so then


def test_questions_on_two_sides_are_found_in_their_lines() -> None:
    chance = random.Random(3)  # noqa: S311 - the same each time
    train, test = rows(chance, 300), [chat(chance, 1000 + number) for number in range(60)]
    both = sorted(chance.sample(range(300), TIMES))
    for place, at in zip(both, chance.sample(range(60), TIMES), strict=True):
        test[at] = train[place]
    parts = {"train": jsonl(chance, train), "test": jsonl(chance, test)}
    sources = [Source([parts["train"]], "train", "train"), Source([parts["test"]], "test", "test")]
    report = prepare_parts(sources, CheckOptions(max_bad_fraction=1))
    assert [one.line for one in report.findings if one.code == "DT109"] == [place + 1 for place in both]
    assert set(report.counts) == {"DT109"}


def test_a_line_above_the_longest_is_found_twenty_times() -> None:
    for number in range(TIMES):
        pieces, line = long_line(random.Random(number))  # noqa: S311 - the same each time
        report = prepare(pieces, CheckOptions(max_bad_fraction=1))
        assert [one.line for one in report.findings if one.code == "DT204"] == [line]
        assert report.rows.accepted == line - 1 + 30
