"""Every code has its page and its row in the index, with today's words; each example gives its code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from shared.datasets import CHECKS
from tests.datasets.helpers import check, good, jsonl
from tests.datasets.tokenizing import WITHOUT_SYSTEM, files

PAGES = Path(__file__).parents[2] / "docs" / "checks"
KINDS = {
    "1": "The file",
    "2": "A line",
    "3": "The conversation",
    "4": "A message",
    "5": "Content",
    "6": "Tokens",
    "7": "The data sets before",
}
EXAMPLE = re.compile(r"```jsonl\n(.*?)\n```\n", re.DOTALL)
PARTS = (
    "**Why it matters.** ",
    "**By hand.** ",
    "**`droptune check FILE --fix OUT`.** ",
    "**In a recipe.** ",
)
ALSO = {"DT303": {"DT306"}}  # who never answers does not answer last either
NO_ROW = {
    **dict.fromkeys(
        ("DT101", "DT102", "DT103", "DT104", "DT105", "DT106", "DT107", "DT108", "DT109", "DT111", "DT112"),
        "concerns the file as a whole",
    ),
    "DT701": "concerns the data set before",
    "DT203": "a page in UTF-8 cannot hold the bytes",
    "DT204": "a page should not hold a line of 8 MiB",
    "DT604": "concerns the base model",
}
NOT_BUILT: set[str] = set()


def page(code: str) -> str:
    return (PAGES / f"{code}.md").read_text("utf-8")


def tokens(code: str) -> dict[str, Any]:
    """Give a check of tokens a tokenizer, of bytes, and a limit."""
    return {"tokenizer": files(120, WITHOUT_SYSTEM)} if KINDS[code[2]] == "Tokens" else {}


@pytest.mark.parametrize("code", CHECKS)
def test_a_code_has_its_page(code: str) -> None:
    title, empty, line, *rest = page(code).splitlines()
    assert re.fullmatch(rf"# {code} \S.+", title)
    assert not empty
    kind, severity, expected = line.split(" · ")
    assert kind == KINDS[code[2]]
    assert severity.startswith(f"**{CHECKS[code].severity}**: ")
    assert expected == f"expected: {CHECKS[code].expected}"
    text = "\n".join(rest)
    for part in PARTS:
        assert text.count(f"\n\n{part}") == 1
    assert 15 <= len(rest) + 3 <= 30
    assert all(len(words) <= 120 or words.startswith(("{", "[")) for words in rest)


def test_no_page_is_left_of_a_code_that_is_gone() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*CHECKS, "README"}


def test_the_index_has_every_code_under_its_heading_with_todays_words() -> None:
    index = (PAGES / "README.md").read_text("utf-8").replace("&#124;", "\\u007c")
    kind, rows = "", {}
    for line in index.splitlines():
        kind = line.removeprefix("## ") if line.startswith("## ") else kind
        if found := re.fullmatch(r"\| \[(DT\d{3})\]\((\w+)\.md\) \| (.+) \| (.+) \| (.+) \|", line):
            code, linked, *words = found.groups()
            assert (code, KINDS[code[2]]) == (linked, kind)
            rows[code] = [word.replace("\\u007c", "|") for word in words]
    assert rows == {code: [one.severity, one.expected, one.help] for code, one in CHECKS.items()}


@pytest.mark.parametrize("code", CHECKS)
def test_an_example_gives_its_code_and_no_other(code: str) -> None:
    examples = EXAMPLE.findall(page(code))
    if code in NO_ROW:
        assert not examples
        pytest.skip(NO_ROW[code])
    if code in NOT_BUILT:
        pytest.skip("the check is not built yet")
    [example] = examples
    report = check(jsonl(good(40)) + example.encode() + b"\n", max_bad_fraction=1, **tokens(code))
    found = {one.code for one in report.findings if one.line is None or one.line > 40}
    assert found == {code} | ALSO.get(code, set())


@pytest.mark.parametrize("code", sorted(set(CHECKS) - set(NO_ROW) - NOT_BUILT))
def test_what_a_page_says_of_recipes_is_so(code: str) -> None:
    text = " ".join(page(code).split())
    [example] = EXAMPLE.findall(page(code))
    data = jsonl(good(40)) + example.encode() + b"\n"
    others = dict.fromkeys(ALSO.get(code, ()), "ignore")
    promised = {
        "keeps such rows": ("warn", False),
        "refuses such rows": ("error", True),
        "refused all the same": ("warn", True),
        "takes the mixture": ("warn", False),
    }
    for words, (severity, refused) in promised.items():
        if words in text:
            severities = {**others, code: severity}
            assert bool(check(data, severities=severities, **tokens(code)).rows.refused) == refused
    if "says nothing" in text:
        assert code not in check(data, severities={**others, code: "ignore"}, **tokens(code)).counts
    assert "says nothing" in text or any(words in text for words in promised)


def test_what_mentions_the_pages_leads_to_them() -> None:
    root = PAGES.parents[1]
    for path in (root / "README.md", root / "docs" / "recipes.md"):
        text = path.read_text("utf-8")
        assert "docs/checks/" in text
        assert "checks.md" not in text
