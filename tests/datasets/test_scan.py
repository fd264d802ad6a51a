"""Nothing that a close look finds escapes the quick scan, however JSON writes it; and little else is hit."""

from __future__ import annotations

import json
import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets import answers, garbled, markup, personal, secret_kinds
from shared.datasets.content import look
from shared.datasets.scan import ANY, Scanner
from tests.datasets.helpers import good, jsonl
from tests.datasets.test_content import FOUND, prose, said
from tests.datasets.test_secrets import PERSONAL, SECRETS

if TYPE_CHECKING:
    from shared.datasets.rows import Message

ENGINES = [Scanner(), Scanner("re")]
SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}
EXACT = [re.compile(rule.exact, re.ASCII) for rule in secret_kinds.RULES] + [
    markup.TOKEN, markup.HTML, garbled.INVISIBLE, garbled.MARKS, garbled.MOJIBAKE, answers.REFUSAL,
    answers.PLACEHOLDER,
    personal.CARD, personal.EMAIL, personal.IBAN, personal.SSN, personal.PHONE,
]  # fmt: skip
KNOWN = [text for texts in [*FOUND.values(), *SECRETS.values(), *PERSONAL.values()] for text in texts]
AROUND = st.text(max_size=8) | st.sampled_from(
    ["", "\n", "\t", " ", "\u00e9", "\u00d7", "\u4e2d", "x", '"', "\\", "a\\n", "/"]
)


def written(text: str, ways: random.Random, escapes: float) -> str:
    """Write a JSON string, each character in one of the ways that JSON knows."""
    parts = []
    for one in text:
        if one in SHORT:
            parts.append(SHORT[one])
        elif one == "/":
            parts.append(ways.choice(["/", "\\/"]))
        elif (
            one < " "
            or "\ud800" <= one < "\ue000"
            or (one > "~" and ways.random() < 0.5)
            or ways.random() < escapes
        ):
            units = one.encode("utf-16-be", "surrogatepass").hex()
            case = ways.choice([str.lower, str.upper, str.swapcase, str.title])
            parts += ["\\u" + case(units[n : n + 4]) for n in range(0, len(units), 4)]
        else:
            parts.append(one)
    return f'"{"".join(parts)}"'


def line(messages: list[Message], ways: random.Random, escapes: float) -> bytes:
    gap = ways.choice(["", " ", "  "])
    rows = []
    for one in messages:
        pairs = [("role", one.role), ("content", one.content)]
        ways.shuffle(pairs)
        rows.append(
            ",".join(
                f"{gap}{written(k, ways, escapes / 9)}{gap}:{gap}{written(v, ways, escapes)}"
                for k, v in pairs
            )
        )
    return f'{{{gap}"messages"{gap}:{gap}[{", ".join(f"{{{row}{gap}}}" for row in rows)}]}}'.encode()


def assert_suspected(text: str, ways: random.Random, escapes: float) -> None:
    messages = said(text)
    before, row = jsonl(good(2)), line(messages, ways, escapes)
    assert [one["content"] for one in json.loads(row)["messages"]] == [one.content for one in messages]
    wrong = {code for code, _found in look(messages)}
    for scanner in ENGINES:
        hits = scanner.hits(before + row + b"\n" + before)
        assert hits == sorted(hits)
        suspected = {code for end, code in hits if len(before) < end <= len(before) + len(row)}
        assert ANY in suspected or wrong <= suspected, (scanner.engine, wrong - suspected, row)


def encodable(text: str) -> bool:
    return not re.search("[\ud800-\udfff]", text)


TEXT = AROUND.filter(encodable)


@given(
    TEXT, st.sampled_from(KNOWN), TEXT, st.randoms(use_true_random=False), st.sampled_from([0, 0, 0, 0.02, 1])
)
@settings(max_examples=500, deadline=None)
def test_no_known_fault_escapes(
    before: str, text: str, after: str, ways: random.Random, escapes: float
) -> None:
    assert_suspected(before + text + after, ways, escapes)


@pytest.mark.parametrize("pattern", EXACT, ids=lambda pattern: pattern.pattern[:30])
def test_no_form_of_an_exact_rule_escapes(pattern: re.Pattern[str]) -> None:
    @given(TEXT, st.from_regex(pattern).filter(encodable), st.randoms(use_true_random=False))
    @settings(max_examples=60, deadline=None)
    def holds(before: str, text: str, ways: random.Random) -> None:
        assert_suspected(before + text, ways, 0)
        assert_suspected(text, ways, 0)

    holds()


@pytest.mark.parametrize(
    "text",
    [
        "dckr_pat_-0000010000010000010",
        "dckr_pat__Q7x2mN9vKpL4tRw8ZcYb",
        "github_pat__Q7x2mN9vKpL4tRw8ZcYb3",
        "<\uff5cend\uff5c>",
        "caf\ufffd",
    ],
)
def test_no_sign_that_a_rule_takes_and_no_mix_of_cases_escapes(text: str) -> None:
    ways = random.Random(1)  # noqa: S311 - no secret
    for _ in range(20):
        assert_suspected(text, ways, 0)


@given(
    st.text('<|>/s&;p@.:-0123456789 \n"\\ABDEakeysn\u00c3\u00a9\u2019\u200d\ufffd', max_size=40),
    st.randoms(use_true_random=False),
)
@settings(max_examples=400, deadline=None)
def test_nothing_random_escapes(text: str, ways: random.Random) -> None:
    assert_suspected(text or "x", ways, 0)


def test_both_engines_are_tried() -> None:
    assert {scanner.engine for scanner in ENGINES} >= {"re"}
    assert ENGINES[1].engine == "re"


@pytest.mark.parametrize("scanner", ENGINES, ids=lambda scanner: scanner.engine)
@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "\u0421\u043a\u0430\u0436\u0438, \u0447\u0442\u043e \u0442\u044b \u044d\u0442\u043e?",
        "\u8bf7\u7528\u4e00\u53e5\u8bdd\u89e3\u91ca\u8fd9\u4e2a\u95ee\u9898\u3002",
        "\u00c9t\u00e9 \u00e0 Orl\u00e9ans, \u00abl'\u0153uvre\u00bb a 5\u00a0\u20ac \u2013 l\u00e0\u2026",
        "\u00dcber Stra\u00dfen: \u201eGr\u00fc\u00dfe\u201c",
        "S\u00e3o Paulo, cora\u00e7\u00e3o, \u00c2ngela, n\u00e3o",
        'Say "hello"\nto them \u2013 it\u2019s a/b, 5 < 6 & 7, 20 % of 1,234 in 1999.',
    ],
)
def test_ordinary_text_of_many_tongues_is_not_hit(scanner: Scanner, escaped: bool, text: str) -> None:  # noqa: FBT001
    row = {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": text}]}
    assert scanner.hits(json.dumps(row, ensure_ascii=escaped).encode() + b"\n") == []


def test_ordinary_prose_is_seldom_hit() -> None:
    rows = [
        {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": part}]}
        for part in prose()
    ]
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    assert len(lines) > 30
    assert sum(bool(ENGINES[0].hits(one)) for one in lines) <= 0.03 * len(lines)


def test_data_sets_checked_at_once_do_not_hinder_each_other() -> None:
    block = b'{"content": "<b>password=abc123XYZ9 anna@firma.de"}\n' * 20_000
    wanted = len(Scanner().hits(block))
    gate = threading.Barrier(6)

    def scan(_: int) -> list[int]:
        mine = Scanner()
        gate.wait(60)
        return [len(mine.hits(block)) for _ in range(5)]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(scan, range(6)))
    assert found == [[wanted] * 5] * 6
