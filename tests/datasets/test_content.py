"""Bad content is found and named, near misses are let be, and no secret or person is ever shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.datasets.content import look
from shared.datasets.garbled import BYTE, mojibake, undone
from shared.datasets.rows import Message, Role
from tests.datasets.helpers import check, good, jsonl

ROOT = Path(__file__).parents[2]
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
FAMILY = "\U0001f468\U0001f3fd\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f\u200d\U0001f525"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
FOUND = {
    "DT501": [
        "Hi <|assistant|> there", "<|im_start|>system", "<|endoftext|>", "<|end|>", "<|user|>",
        "<|eot_id|>", "<s>",
        "a </s> b", "[INST] x [/INST]", "<<SYS>>", "<end_of_turn>", "<start_of_turn>", "<pad>",
        "[TOOL_CALLS]",
        "<\uff5cUser\uff5c>", "in code: `<|system|>`",
    ],
    "DT502": [
        "Hi\u202eereht", "zero\u200bwidth", "a\u200db", "a\u200cb", "\ufeffHi", "bell\x07", "next\x85line",
        "\x7f",
        "soft\u00adhyphen", "word\u2060joiner", "left\u200emark", "line\u2028end", "\U000e0041smuggled",
    ],
    "DT505": [
        "caf\u00c3\u00a9 au lait", "it\u00e2\u20ac\u2122s", "10\u00c2\u00b0C", "lost \ufffd",
        "\u00ef\u00bb\u00bfHi",
        "so\u00c2\u00a0far", "\u00f0\u0178\u02dc\u20ac", "\u00c3\u0083\u00c2\u00a9",
        "\u043f\u0440\u0438\u0432\u0435\u0442".encode().decode("latin-1"),
        "\u4e2d\u6587".encode().decode("cp1252", "replace"),
        "\u00c3\u201dter", "Fianc\u00c3\u00a9e",
    ],
    "DT506": [
        "<p>Hello</p>", "a<br/>b", 'see <a href="x">y</a>', "fish &amp; chips", "a&nbsp;b", "x</div>",
        "&#39;", "&#x27;",
        "<IMG SRC='x'>", "<b>so</b>", "```\ncode\n```\n<b>bold</b>", "caf&eacute;",
    ],
    "DT507": [
        "I'm sorry, but I can't assist with that.", "As an AI language model, I cannot say.",
        "I cannot help with this.",
        "As an AI language model, I do not have feelings.", "Sorry, I can\u2019t provide that.",
        "\n I am unable to assist.",
        "I apologize, but I cannot fulfill this request.",
        "Unfortunately, I'm not able to help you with that.",
        "I'm sorry, but as an AI language model, I don't have access to it.", "I won't help you do that.",
        "I apologize for the confusion, but I cannot provide this.",
    ],
    "DT508": [
        "N/A", "n/a.", "TODO", "TODO: write this", "...", "\u2026", "Lorem ipsum dolor sit amet",
        "[Insert your answer]",
        "undefined", "null", " tbd. ", "Answer here", "[Your response here]", "<insert answer>", "{{answer}}",
        "[object Object]", "xxxx", "asdfgh", "Placeholder",
    ],
}  # fmt: skip
LET_BE = [
    "a < b and c > d", "List<int> x", "if (a <s) b", "Use `<p>` in HTML", "```html\n<p>Hi</p>\n```",
    "```\n<b>open",
    "Vec<Option<T>>", "Map<String, List<A>> and Foo<B>", "a <b and c> d", "x |> f <| y",
    "cp <input> <output>",
    "``a ` <b>``", "AT&T", "x & y;", "&ref;", "?a=1&copy=2", "[instance]", "<sys>", "S\u00e3o Paulo",
    "\u00c3o",
    "\u00c2ngela \u00e9 brasileira", "\u00bbSpa\u00df\u00ab und mehr", "\u201cAMANH\u00c3\u201d",
    "\u201cCAF\u00c9\u201d",
    "\u00c2N", "\u00c4\u00d6\u00dc", "na\u00efve \u20ac5",
    "l'\u00e9t\u00e9\u00a0: \u00ab\u00a0voil\u00e0\u00a0\u00bb",
    FAMILY, ENGLAND, PERSIAN, "\u0928\u094d\u200d", "\u05d0\u200f!", "tab\tand\nline\r\n",
        "I'm sorry to hear that!",
    "I cannot recommend it enough.", "I can't help but admire it.", "As an AI researcher, I love it.",
    "As an AI assistant, I'd be happy to help!", "Sorry for your loss.", "I won't lie: it is good.",
    "Not applicable here, but see below.", "todo lists are useful", "Null and void.", "nano",
    "The answer is here.",
    "Dear [Insert name], thank you.", "-", "No.", "None",
]  # fmt: skip


def said(text: str, role: Role = "assistant") -> list[Message]:
    other: Role = "user" if role == "assistant" else "assistant"
    return [Message(other, "A question?"), Message(role, text)]


def codes(text: str) -> set[str]:
    return {code for code, _found in look(said(text))}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in FOUND.items() for text in texts])
def test_bad_content_is_found(code: str, text: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize("text", LET_BE)
def test_near_misses_are_let_be(text: str) -> None:
    assert list(look(said(text))) == []


def test_a_fault_is_named_once_with_its_first_message() -> None:
    messages = [Message("system", "<|end|>"), Message("user", "<s>"), Message("assistant", "zero\u200bwidth")]
    assert list(look(messages)) == [
        ("DT501", "'<|end|>' in message 1 (system)"),
        ("DT502", "U+200B (zero width space) in message 3 (assistant)"),
    ]


def test_only_what_is_suspected_is_looked_for() -> None:
    assert [code for code, _ in look(said("<p>N/A <|end|></p>"), frozenset({"DT506"}))] == ["DT506"]


@pytest.mark.parametrize("text", FOUND["DT507"] + FOUND["DT508"])
def test_users_may_refuse_and_leave_things_out(text: str) -> None:
    assert not {"DT507", "DT508"} & {code for code, _ in look(said(text, "user"))}


@given(st.text(st.characters(min_codepoint=0xC0, max_codepoint=0x17F, categories=["L"]), min_size=1))
@example("\u00e9")
def test_text_decoded_wrongly_is_undone(word: str) -> None:
    for encoding in ("latin-1", "cp1252"):
        wrong = word.encode().decode(encoding, "replace")
        if "\ufffd" not in wrong:
            assert undone(wrong) == word
        assert mojibake("x " + wrong) or word.isupper()


@given(st.text(st.sampled_from([chr(code) for code in BYTE]), max_size=6))
def test_what_was_never_wrong_is_not_undone(text: str) -> None:
    if meant := undone(text):
        assert bytes(BYTE[ord(one)] for one in text) == meant.encode()


def prose() -> list[str]:
    """Paragraphs of the documentation, without code and tables."""
    texts = [path.read_text("utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]]
    plain = [
        re.sub(r"```.*?```|`[^`\n]*`", "it", text, flags=re.DOTALL) for text in texts if "<|" not in text
    ]
    return [part for text in plain for part in text.split("\n\n") if len(part) > 40 and "|" not in part]


def test_ordinary_text_is_not_accused() -> None:
    demo = (ROOT / "local/demo_data/acme-support.jsonl").read_text("utf-8").splitlines()
    chats = [[Message(**one) for one in json.loads(line)["messages"]] for line in demo]
    chats += [said(part) for part in prose()]
    assert len(chats) > 160
    accused = [found for chat in chats for found in look(chat)]
    assert len(accused) <= len(chats) * 0.005, accused


def test_a_report_names_code_line_and_message() -> None:
    row = good()[0]
    row["messages"][1]["content"] = "My card is 4539 1488 0343 6467."
    report = check(jsonl([row, *good()[1:]]))
    [found] = report.findings
    assert (found.code, found.line) == ("DT504", 1)
    assert found.found == "a payment card number in message 2 (assistant)"
