"""Bad content is found where it is, near misses are let be, and nothing escapes the quick scan."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets.content import look
from shared.datasets.personal import is_iban, luhn
from shared.datasets.rows import Message
from shared.datasets.scan import ANY, Scanner
from tests.datasets.helpers import check, good, jsonl

ROOT = Path(__file__).parents[2]
BASE64 = "aZ3kP9qLmW2xR7tYvB5nC8dF1gH4jK6sQ0eU"
FOUND = {
    "DT501": ["Hi <|assistant|> there", "a </s> b", "[INST] x [/INST]", "<<SYS>>", "<end_of_turn>", "<pad>"],
    "DT502": ["Hi\u202eereht", "zero\u200bwidth", "a\u200db", "\ufeffHi", "bell\x07", "next\x85line"],
    "DT503": [
        "AKIAQYLPMN5HFIQR7XYA",
        f"ghp_{BASE64}",
        "glpat-aB3dE6gH9jK2mN5pQ8sT",
        "xoxb-204875931760-kQz7Lm2Xw",
        "https://hooks.slack.com/services/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",
        "sk_live_aB3dE6gH9jK2mN5pQ8sT",
        f"sk-proj-{BASE64}",
        f"hf_{BASE64[:34]}",
        f"npm_{BASE64}",
        f"AIza{BASE64[:35]}",
        f"AccountKey={BASE64}{BASE64}/ab==",
        "-----BEGIN RSA PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
        "postgres://anna:s3cr3tPa55@db.internal/x",
        'password = "hT7!kq92Lmz#"',
        '{"api_key": "9f8a7c6b5d4e3f2a1b0c"}',
    ],
    "DT504": [
        "Card 4539 1488 0343 6467.",
        "4539148803436467",
        "3782-822463-10005",
        "Write to anna.kern@gmail.com",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "My number: 536-22-8726",
        "Call +41 44 668 18 00",
        "(212) 736-5000",
    ],
    "DT505": [
        "cafÃ© au lait",
        "itâ€™s",
        "10Â°C",
        "lost \ufffd",
        "\u043f\u0440\u0438\u0432\u0435\u0442".encode().decode("latin-1"),
    ],
    "DT506": ["<p>Hello</p>", "a<br/>b", 'see <a href="x">y</a>', "fish &amp; chips", "a&nbsp;b"],
    "DT507": [
        "I'm sorry, but I can't assist with that.",
        "As an AI language model, I have no body.",
        "I cannot help with this.",
        "Sorry, I can\u2019t provide that.",
    ],
    "DT508": [
        "N/A",
        "TODO",
        "...",
        "Lorem ipsum dolor sit amet",
        "[Insert your answer]",
        "undefined",
        " tbd. ",
    ],
}
LET_BE = [
    "a < b and c > d",
    "List<int> x",
    "if (a <s) b",
    "Use `<p>` in HTML",
    "```html\n<p>Hi</p>\n```",
    "AT&T",
    "x & y;",
    "ghp_short",
    "Your key: YOUR_API_KEY_HERE_PLEASE",
    "password: example-password-1",
    "AKIAIOSFODNN7EXAMPLE",
    "secret = supercalifragilistic",
    "The password is: correct horse battery",
    "4539 1488 0343 6468",
    "1234567890123456",
    "0000 0000 0000 0000",
    "order 123456789012345678901234",
    "anna@example.com",
    "support@acme-garden.com",
    "not an@address",
    "000-12-3456",
    "2024-11-24",
    "192.168.10.12",
    "DE89 3704 0044 0532 0130 01",
    "version 3.141.5926",
    "São Paulo",
    "Ângela é brasileira",
    "»Spaß« und mehr",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "I'm sorry to hear that!",
    "I cannot recommend it enough.",
    "Not applicable here, but see below.",
    "todo lists are useful",
    "tab\tand\nline",
    "1-800 tulips",
    "-",
    "https://host/path:colon@x",
]


def said(text: str) -> list[Message]:
    return [Message("user", "A question?"), Message("assistant", text)]


def codes(text: str) -> set[str]:
    return {code for code, _found in look(said(text))}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in FOUND.items() for text in texts])
def test_bad_content_is_found(code: str, text: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize("text", LET_BE)
def test_near_misses_are_let_be(text: str) -> None:
    assert codes(text) == set()


@pytest.mark.parametrize("text", FOUND["DT503"] + FOUND["DT504"])
def test_a_secret_or_a_person_is_never_shown(text: str) -> None:
    for _code, found in look(said(text)):
        assert not any(
            word in found for word in re.findall(r"[\w@.+/=#!-]{5,}", text) if re.search(r"\d", word)
        )


WRITTEN: list[Any] = [
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    lambda value: json.dumps(value).replace("/", "\\/"),
    lambda value: re.sub(r"(?<=[a-z])[<|&@=:-]", lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(value)),
    lambda value: re.sub(r"\\u([0-9a-f]{4})", lambda sign: f"\\u{sign[1].upper()}", json.dumps(value)),
]
ANYTHING = st.sampled_from([text for texts in FOUND.values() for text in texts])
AROUND = st.text(max_size=8) | st.sampled_from(["\n", "\t", " ", "é", "x", '"', "\\"])


@pytest.mark.parametrize("engine", [None, "re"])
@given(ANYTHING, AROUND, AROUND, st.integers(0, len(WRITTEN) - 1))
@settings(max_examples=400, deadline=None)
def test_the_scan_misses_nothing_that_a_look_finds(
    engine: str | None, text: str, before: str, after: str, way: int
) -> None:
    messages = said(before + text + after)
    row = {"messages": [{"role": one.role, "content": one.content} for one in messages]}
    clean = jsonl(good(2))
    try:
        line = WRITTEN[way](row).encode()
    except UnicodeEncodeError:
        return
    hits = Scanner(engine).hits(clean + line + b"\n" + clean)
    suspected = {code for end, code in hits if len(clean) < end <= len(clean) + len(line)}
    assert ANY in suspected or {code for code, _found in look(messages)} <= suspected, line


def test_ordinary_prose_is_seldom_hit_and_never_accused() -> None:
    texts = [path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]]
    words = " ".join(re.sub(r"`[^`]*`|```.*?```", "", text, flags=re.DOTALL) for text in texts).split()
    chats = [said(" ".join(words[n : n + 60])) for n in range(0, len(words) - 60, 60)]
    assert len(chats) > 30
    accused = [chat for chat in chats if any(look(chat))]
    assert len(accused) <= len(chats) * 0.03, [found for chat in accused for found in look(chat)]


def test_a_report_names_code_line_and_message() -> None:
    row = good()[0]
    row["messages"][1]["content"] = "My card is 4539 1488 0343 6467."
    report = check(jsonl([row, *good()[1:]]))
    [found] = report.findings
    assert (found.code, found.line) == ("DT504", 1)
    assert found.found == "a payment card number in message 2 (assistant)"


@given(st.integers(10**11, 10**18))
def test_luhn_accepts_one_last_digit_in_ten(number: int) -> None:
    assert sum(luhn(f"{number}{digit}") for digit in range(10)) == 1


def test_ibans_are_checked() -> None:
    assert is_iban("CH93 0076 2011 6238 5295 7")
    assert not is_iban("CH93 0076 2011 6238 5295 8")
    assert not is_iban("ZZ93 0076 2011 6238 5295 7")
