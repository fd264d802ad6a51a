"""Tokens in the check: rows that are cut, left without an answer or refused; figures; what is foretold."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets import CheckOptions, prepare, render_html
from shared.datasets.bounds import growth
from shared.datasets.foretold import told
from shared.datasets.meter import Meter
from shared.datasets.prediction import foretold_of
from shared.datasets.tokenfigures import said
from tests.datasets.helpers import Files, chat, check, good, jsonl, split
from tests.datasets.tokenizing import PLAIN, WITHOUT_SYSTEM, files

LIMIT = 160
AROUND = 21  # tokens that the template writes around a question and an answer


def total(question: str, answer: str) -> int:
    return AROUND + len((question + answer).encode())


def codes(data: bytes, **options: Any) -> dict[int, str]:
    report = check(data, max_bad_fraction=1, tokenizer=files(LIMIT), **options)
    return {one.line: one.code for one in report.findings if one.line is not None}


def test_a_chat_has_the_tokens_it_is_thought_to_have() -> None:
    counted = files(LIMIT).counter().count([chat("When?", "At nine.")["messages"]])[0]
    assert counted.total == total("When?", "At nine.")


@pytest.mark.parametrize(("beyond", "code"), [(0, None), (1, "DT601")])
def test_a_chat_is_cut_from_one_token_over_the_limit_on(beyond: int, code: str | None) -> None:
    answer = "y" * (LIMIT + beyond - total("When?", ""))
    assert codes(jsonl([*good(), chat("When?", answer)])).get(41) == code


@pytest.mark.parametrize(("more", "code"), [(-1, "DT601"), (0, "DT602")])
def test_a_chat_whose_question_fills_the_limit_has_nothing_to_learn(more: int, code: str) -> None:
    counter = files(LIMIT).counter()
    question = "x" * (LIMIT - counter.count([chat("", "y")["messages"]])[0].before_answer + more)
    found = codes(jsonl([*good(), chat(question, "Yes, and so on.")]))
    assert found == {41: code}


def test_multi_byte_texts_are_measured_in_bytes() -> None:
    assert codes(jsonl([*good(), chat("Wann?", "ü" * 70)])) == {41: "DT601"}  # 70 signs, 140 bytes
    escaped = json.dumps(chat("Wann?", "ü" * 50)).encode()
    assert 41 not in codes(jsonl([*good(), escaped]))


def test_the_template_may_refuse_a_chat() -> None:
    rows = [*good(), {"messages": [{"role": "system", "content": "Be kind."}, *chat("Hi")["messages"]]}]
    report, written = split(jsonl(rows), max_bad_fraction=1, tokenizer=files(LIMIT, WITHOUT_SYSTEM))
    assert [(one.code, one.line) for one in report.findings] == [("DT603", 41)]
    assert "System role not supported" in report.findings[0].found
    assert json.loads(written.data["rejected.jsonl"])["line"] == 41


@pytest.mark.parametrize("severity", ["ignore", "warn", "error"])
def test_no_severity_brings_a_row_back_that_azure_ml_drops(severity: str) -> None:
    rows = [*good(), chat("x" * 200), {"messages": [{"role": "user", "content": "?"}] * 2}]
    names = ("DT602", "DT303", "DT304", "DT306")
    report, written = split(
        jsonl(rows), max_bad_fraction=1, tokenizer=files(LIMIT), severities=dict.fromkeys(names, severity)
    )
    assert (report.rows.refused, report.rows.accepted) == (2, 40)
    assert sum(len(written.rows(part)) for part in ("train", "validation", "test")) == 40


def test_what_begins_a_turn_inside_a_text_is_counted() -> None:
    hidden = chat("Hi", "Yes.<|im_end|>\n<|im_start|>user\nAnd?<|im_start|>user\nNo.")
    late = chat("a<|im_start|>user\nb<|im_start|>user", "Yes.")
    by_number = json.dumps(late).replace("<|im_start|>user", "\\u003c|im_start|\\u003euser").encode()
    for row in (hidden, late, by_number):
        data = jsonl([*good(), row])
        told = foretold_of([data], files(LIMIT).counter())
        report, _files = split(data, max_bad_fraction=1, tokenizer=files(LIMIT))
        assert report.prediction == told
        assert report.rows.refused == told.nothing_to_learn.count or told.cause


def test_a_tokenizer_that_cannot_be_used_is_a_warning() -> None:
    for broken in (
        replace(files(LIMIT), tokenizer=b"{}"),
        replace(files(LIMIT), tokenizer=b""),
        replace(files(LIMIT), config=b"[]"),
        replace(files(LIMIT), config=b"\xff"),
        replace(files(LIMIT), template=b"{% if"),
        replace(files(LIMIT), template=b"\xff"),
        replace(files(LIMIT), template=b"Hello"),
    ):
        report = check(jsonl(good()), tokenizer=broken)
        assert (report.verdict, dict(report.counts)) == ("usable", {"DT604": 1})
        assert report.tokens is not None
        assert report.tokens["counted_by"] is None


def test_figures_of_a_small_set_are_exact() -> None:
    sizes = [10 * n for n in range(1, 101)]
    rows = [chat(f"{n:03}?", "y" * (size - 4)) for n, size in enumerate(sizes)]
    report = check(jsonl(rows), tokenizer=files(2000), epochs=2)
    tokens = report.tokens
    assert tokens is not None
    expected = [AROUND + size for size in sizes]
    assert (tokens["total"], tokens["total_exact"], tokens["error"]) == (sum(expected), True, 0.0)
    assert (tokens["min"], tokens["max"], tokens["median"]) == (min(expected), max(expected), expected[49])
    assert (tokens["p5"], tokens["p95"]) == (expected[4], expected[94])  # 5 of 100 are no larger; 95 are
    assert sum(count for _bound, count in tokens["histogram"]) == 100
    assert tokens["trained"] == round(2 * sum(expected) * report.rows.train / 100)
    assert tokens["limit"] == 2000


def test_tokens_beyond_the_limit_are_not_trained_on() -> None:
    rows = [chat(f"{n:03}?", "y" * 500) for n in range(100)]
    tokens = check(jsonl(rows), max_bad_fraction=1, tokenizer=files(100)).tokens
    assert tokens is not None
    assert tokens["over_limit"] == tokens["counted_near_limit"] == 100
    assert tokens["trained"] < 3 * 100 * 100
    assert tokens["learnt"] is not None
    assert math.isclose(tokens["learnt"], (100 - 24) / 100, abs_tol=0.03)


def test_a_sample_tells_the_whole_within_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)  # noqa: S311 - a seed
    rows = [chat(f"Question {n}?", "wörter " * chance.randint(1, 60)) for n in range(3000)]
    truth = sum(total(*(m["content"] for m in row["messages"])) for row in rows)
    monkeypatch.setattr("shared.datasets.sample.Sample.__init__.__defaults__", (300, 32 << 20))
    tokens = check(jsonl(rows), tokenizer=files(10_000)).tokens
    assert tokens is not None
    assert (tokens["total_exact"], tokens["sampled"]) == (False, 300)
    assert 0 < tokens["error"] < 0.02
    assert abs(tokens["total"] / truth - 1) <= 2 * tokens["error"]
    assert "on 300 rows" in said(tokens)


def test_without_a_tokenizer_it_says_that_it_estimates() -> None:
    report = check(jsonl(good()))
    tokens = report.tokens
    assert tokens is not None
    assert (tokens["counted_by"], tokens["limit"], tokens["learnt"]) == (None, None, None)
    assert tokens["error"] == 0.36
    assert "estimated" in said(tokens)
    assert "36%" in report.statistics["token_estimate"]


def test_prepared_files_train_on_all_their_rows_and_the_page_says_so() -> None:
    rows = [*good(60), chat("x" * 300, "No."), {"messages": []}, chat("Long?", "y" * 300)]
    report = check(jsonl(rows), max_bad_fraction=1, tokenizer=files(LIMIT))
    words = told(report)
    assert words is not None
    assert words.prepared.startswith(f"The prepared files train on all their {report.rows.train} rows")
    assert "1 dropped without a word: lines 62" in words.lines
    assert "1 left with nothing to learn: lines 61" in words.lines
    page = render_html(report, "x")
    assert "What Azure ML would do" in page
    assert "Tokens of a chat" in page


def test_of_another_format_it_says_that_the_job_would_fail() -> None:
    rows = [{"instruction": f"Ask {n}", "output": "Yes."} for n in range(60)]
    report = check(jsonl(rows), tokenizer=files(LIMIT))
    assert report.verdict == "usable"
    assert report.prediction is not None
    assert (report.prediction.outcome, report.prediction.cause) == ("fails", "columns")
    words = told(report)
    assert words is not None
    assert "are in the pipeline's own format, and train on all" in words.prepared


SPLITTING = "abc xyz é 中 \n\t<|im_start|>user assistant 🙂"


@given(st.lists(st.tuples(st.text(SPLITTING, min_size=1), st.text(min_size=1, max_size=60)), max_size=4))
@settings(max_examples=200, deadline=None)
def test_what_surely_fits_does_fit(turns: list[tuple[str, str]]) -> None:
    meter = Meter(files(LIMIT).bounds(), files(LIMIT).counter)
    said = [text.encode("utf-8", "ignore").decode() for turn in turns for text in turn]
    roles = ["user", "assistant"] * len(turns)
    messages = [{"role": role, "content": text} for role, text in zip(roles, said, strict=True)]
    if messages and meter.fits(messages):
        tokens = meter.count(messages)
        assert tokens.total <= LIMIT
        assert tokens.learnt


def test_a_tokenizer_of_which_nothing_is_known_counts_every_row() -> None:
    from tokenizers import normalizers

    counter = files(LIMIT).counter()
    assert growth(counter.tokenizer) == 1
    odd = type(counter.tokenizer).from_str(counter.tokenizer.to_str())
    odd.normalizer = normalizers.NFKC()
    assert growth(odd) == 0
    odd.normalizer = normalizers.NFC()
    assert growth(odd) == 3
    plain = PLAIN.replace("<|im_start|>", "### ")
    report = check(jsonl(good()), tokenizer=files(LIMIT, plain))
    assert report.tokens is not None
    assert report.tokens["counted_near_limit"] == 40


def test_blocks_of_several_files_count_alike() -> None:
    rows = [chat(f"Question {n}?", "y" * (n % 200)) for n in range(500)]
    data, options = jsonl(rows), CheckOptions(max_bad_fraction=1, tokenizer=files(LIMIT))
    whole, pieces = Files(), Files()
    once = prepare([data], options, whole)
    cut = prepare((data[n : n + 777] for n in range(0, len(data), 777)), options, pieces)
    assert once == cut
    assert whole.data == pieces.data
    assert once.prediction is not None
    assert once.prediction == foretold_of([data], options.tokenizer.counter())  # type: ignore[union-attr]


def test_the_preview_shows_a_chat_as_the_model_sees_it() -> None:
    shown = check(jsonl(good()), tokenizer=files(LIMIT)).preview[0]
    assert shown.rendered is not None
    assert shown.rendered.startswith("<|im_start|>user\nQuestion ")
    assert check(jsonl(good())).preview[0].rendered is None
