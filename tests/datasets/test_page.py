"""The page without a browser: all is escaped, nothing is loaded, and what a manager needs stands on it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets import CheckOptions, Source, compared, prepare_parts, render_html
from shared.datasets.page import visible
from shared.datasets.plots import percent, stack
from shared.datasets.preview import preview
from shared.datasets.rows import Message
from tests.datasets.helpers import chat, check, good, jsonl
from tests.datasets.hostile_pages import pages
from tests.datasets.tokenizing import PLAIN as TEMPLATE
from tests.datasets.tokenizing import files

if TYPE_CHECKING:
    from shared.datasets import Report
    from shared.datasets.tokenizer_files import TokenizerFiles

EMPTY = {"meta", "rect"}  # what needs no end


class Tags(HTMLParser):
    """Every tag and attribute of a page; what is opened is closed in its order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag


def test_what_users_write_is_escaped() -> None:
    report = check(
        jsonl([*good(), {"messages": [{"role": "<script>alert(1)</script>", "content": "x"}, {}]}])
    )
    page = render_html(report, "support/<img src=x>.jsonl")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


def test_the_page_loads_nothing_and_says_the_verdict() -> None:
    page = render_html(check(jsonl(good())), "support/a.jsonl")
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page
    assert ">Usable<" in page


def test_each_finding_stands_on_the_page() -> None:
    page = render_html(check(jsonl([*good(), b"oops", chat("<|user|>")])), "a")
    assert "DT201" in page
    assert "DT501" in page
    assert ">41<" in page


@pytest.mark.parametrize(
    ("report", "title"), [pytest.param(report, title, id=name) for name, report, title in pages()]
)
def test_no_data_makes_a_tag_or_an_attribute(report: Report, title: str) -> None:
    plain = compared(
        check(jsonl([*good(), b"oops", b"{}"]), max_bad_fraction=1), check(jsonl(good())), "then"
    )
    page, known = Tags(render_html(report, title)), Tags(render_html(plain, "plain"))
    assert page.open == []
    assert page.tags <= known.tags | {"ul", "li", "b", "p", "pre"}
    assert page.attributes <= known.attributes
    assert not page.tags & {"script", "img", "iframe", "a", "link", "object", "form", "base"}
    assert not {name for name in page.attributes if name.startswith("on") or name in {"style", "href", "src"}}


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_stays_text(one: str, other: str) -> None:
    page = Tags(render_html(compared(PLAIN, PLAIN, one), other))
    assert page.open == []
    assert page.tags == TAGS


PLAIN = check(jsonl([*good(12), b"oops"]), max_bad_fraction=1)
TAGS = Tags(render_html(compared(PLAIN, PLAIN, "then"), "plain")).tags


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\u202eb", "a\\u202eb"),
        ("\x1b[31m\x00", "\\x1b[31m\\x00"),
        ("one\ntwo\tthree", "one\ntwo\tthree"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("\u2028\ud800", "\\u2028\\ud800"),
        ("漢字 مرحبا", "漢字 مرحبا"),
    ],
)
def test_what_would_steer_the_text_is_shown(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_the_verdict_comes_first_with_its_reason_and_what_is_most_pressing() -> None:
    page = render_html(check(jsonl([*good(), b"oops", b"oops", b"{}"])), "support/a.jsonl")
    head = page[page.index("<main>") : page.index("</header>")]
    assert "Rejected" in head
    assert "3 of 43 rows have errors" in head
    assert re.search(r"DT201</b> 2 times: expected one JSON object a line", head)


def test_findings_are_grouped_with_examples_and_the_lines_of_more() -> None:
    page = render_html(check(jsonl([*good(), *[b"oops"] * 9]), max_bad_fraction=1), "a")
    assert page.count("<details") == 1
    assert "9 times" in page
    assert "More: docs/checks/DT201.md" in page
    assert "and 4 more: lines 46 · 47 · 48 · 49" in page


def test_errors_come_before_warnings_and_none_is_left_without_an_example() -> None:
    many = [b"oops"] * 60 + [b"[]"] * 60 + [b"\xff"] * 60 + [b"{}"] * 60 + [chat("<|user|>")] * 3 + [b"NaN"]
    report = check(jsonl([*good(), *many]), max_bad_fraction=1)
    assert {found.code for found in report.findings} == set(report.counts)
    page = render_html(report, "a")
    tones = re.findall(r'<summary><b class="(\w+)">', page)
    assert len(tones) == len(report.counts)
    assert tones == sorted(tones)


def test_what_is_new_stands_on_the_page_with_its_interval() -> None:
    small = render_html(compared(check(jsonl(good(50))), check(jsonl(good(40))), "last"), "a")
    assert "20.0% of the rows are new" in small
    assert "Every row was compared." in small
    large = render_html(compared(check(jsonl(good(5000))), check(jsonl(good(4000))), "last"), "a")
    assert re.search(r"about 2\d\.\d% \(1\d\.\d% to 2\d\.\d%\) of the rows are new", large)


def test_parts_fill_the_bar() -> None:
    parts = stack([("a", "train", 1), ("b", "test", 0), ("c", "refused", 3)])
    assert [(part.label, part.x, part.width) for part in parts] == [("a", 0, 25), ("c", 25, 75)]


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0.0%"), (1e-6, "under 0.1%"), (0.5, "50.0%"), (1 - 1e-6, "over 99.9%"), (1, "100.0%")],
)
def test_a_share_is_never_rounded_to_nothing_or_all(share: float, said: str) -> None:
    assert percent(share) == said


def test_lines_of_several_files_are_told_apart() -> None:
    train, held = jsonl([*good(), *[b"oops"] * 8]), jsonl([chat("Held out?"), b"oops"])
    sources = [Source([train], "train", "train.jsonl"), Source([held], "validation", "validation.jsonl")]
    page = render_html(prepare_parts(sources, CheckOptions(max_bad_fraction=1)), "support/a")
    assert "<b>line 41 of train.jsonl</b>" in page
    assert "4 more: line 46 of train.jsonl · line 47 of train.jsonl" in page
    assert "line 48 of train.jsonl · line 2 of validation.jsonl" in page


def test_chats_are_shown_as_the_template_renders_them_where_it_is_at_hand() -> None:
    report = check(jsonl(good()))
    assert "template was not at hand" in render_html(report, "a")
    chats = [(7, [Message("user", "Hi"), Message("assistant", "Yes.")])]
    shown = tuple(preview(chats, lambda chat: f"<|user|>{chat[0].content}<|end|>" * 200))
    page = render_html(replace(report, preview=shown), "a")
    assert "as the model will see them" in page
    [rendered] = re.findall(r"<pre[^>]*>(.*?)</pre>", page)
    assert rendered.startswith("&lt;|user|&gt;Hi&lt;|end|&gt;")
    assert rendered.endswith("…")


def test_few_messages_are_drawn_by_their_number() -> None:
    turns = [*[2] * 30, *[4] * 10]
    rows = [
        {"messages": [{"role": ("user", "assistant")[m % 2], "content": f"{n} {m}"} for m in range(length)]}
        for n, length in enumerate(turns)
    ]
    report = check(jsonl(rows))
    assert report.statistics["turns"]["exact"] == [(2, 30), (4, 10)]
    page = render_html(report, "a")
    assert "<title>2: 30</title>" in page
    assert "<title>4: 10</title>" in page
    assert "median 2 · 95 % at most 4" in page


def test_a_chat_that_the_template_refuses_is_shown_by_its_texts() -> None:
    refusing = "{% if 'no' in messages[0]['content'] %}{{ raise_exception('No!') }}{% endif %}" + TEMPLATE
    report = check(jsonl([chat("no?"), *good()]), tokenizer=files(1000, refusing), max_bad_fraction=1)
    assert report.verdict == "rejected"
    assert report.preview[0].rendered is None
    page = render_html(report, "a")
    assert "as the model will see them" in page
    assert '<span dir="auto">no?</span>' in page
    assert "&lt;|im_start|&gt;user\nQuestion 0?" in page


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (None, None, r"<th>tokens \(estimate\)</th>.*=</td>"),
        (files(1000), files(1000), r"<th>tokens</th>.*=</td>"),
        (None, files(1000), r"<th>tokens \(estimate\)</th>.*counted otherwise</td>"),
    ],
)
def test_tokens_are_compared_where_they_are_counted_alike(
    then: TokenizerFiles | None, now: TokenizerFiles | None, said: str
) -> None:
    earlier, report = check(jsonl(good()), tokenizer=then), check(jsonl(good()), tokenizer=now)
    assert re.search(said, render_html(compared(report, earlier, "then"), "a"))


def test_chats_of_one_length_are_said_to_be_so() -> None:
    assert '<p class="axis"><span>all 2</span><span></span></p>' in render_html(check(jsonl(good())), "a")
