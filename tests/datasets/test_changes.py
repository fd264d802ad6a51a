"""What is new since an earlier data set: figures, the warning, and the cases in which nothing can be said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared.datasets import compared
from shared.datasets.changes import sentence
from shared.datasets.sketch import Sketch
from tests.datasets.helpers import chat, check, good, jsonl

if TYPE_CHECKING:
    from shared.datasets import Report
    from shared.datasets.changes import Changes


def changes(report: Report) -> Changes:
    assert report.since is not None
    return report.since


def test_new_kept_and_gone_are_counted_exactly_in_a_small_set() -> None:
    then, now = check(jsonl(good(100))), check(jsonl(good(150)[25:]))
    since = changes(compared(now, then, "last week"))
    assert (since.name, since.exact, since.compared) == ("last week", True, 125)
    assert (since.new.value, since.kept.value, since.gone.value) == (50 / 125, 75 / 125, 25 / 100)
    assert (since.then.rows.total, since.now.rows.total) == (100, 125)
    assert sentence(since) == "40.0% of the rows are new, 25.0% of the earlier ones are gone"


def test_another_answer_is_a_new_row_and_no_new_question() -> None:
    rows = [chat(f"Question {n}?", f"Another answer {n}.") for n in range(40)]
    since = changes(compared(check(jsonl(rows)), check(jsonl(good(40))), "then"))
    assert since.new.value == 1
    assert since.new_questions.value == 0


def test_a_large_set_is_compared_by_its_sketch_and_says_so() -> None:
    then, now = check(jsonl(good(6000))), check(jsonl(good(8000)))
    since = changes(compared(now, then, "then"))
    assert not since.exact
    assert since.new.low <= 0.25 <= since.new.high
    assert since.gone.value == 0
    assert since.gone.high > 0
    assert "about" in sentence(since)


@pytest.mark.parametrize(("more", "warned"), [(0, True), (2, True), (3, False)])
def test_a_set_with_next_to_nothing_new_gets_a_warning(more: int, *, warned: bool) -> None:
    report = compared(check(jsonl(good(100 + more))), check(jsonl(good(100))), "run-1")
    assert report.counts == ({"DT701": 1} if warned else {})
    assert report.verdict == "usable"
    assert all("run-1" in found.found and found.line is None for found in report.findings)


def test_a_set_of_which_much_is_gone_is_not_the_same() -> None:
    assert compared(check(jsonl(good(50))), check(jsonl(good(100))), "then").counts == {}


def test_the_very_same_rows_are_said_to_be_so() -> None:
    report = compared(check(jsonl(good())), check(jsonl(good())), "then")
    assert changes(report).same
    assert report.findings[0].found == "the same rows in the same order as then"


def test_a_recipe_switches_the_warning() -> None:
    one = check(jsonl(good()))
    assert compared(one, one, "then", {"DT701": "ignore"}).counts == {}
    refused = compared(one, one, "then", {"DT701": "error"})
    assert refused.verdict == "rejected"
    assert "then" in refused.reason


def test_sets_that_cannot_be_compared_stay_as_they_are() -> None:
    now, empty = check(jsonl(good())), check(b"")
    other = replace(now, sketch=Sketch("", "", "another method"))
    for earlier in (replace(now, sketch=None), other, empty):
        assert compared(now, earlier, "then") == now
    assert compared(empty, now, "then") == empty
