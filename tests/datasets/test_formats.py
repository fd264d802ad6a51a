"""Formats are told by what rows hold; all end as the pipeline's own; a mixture is a fault."""

from __future__ import annotations

from typing import Any

import pytest

from tests.datasets.helpers import check, good, jsonl, split

FORMATS: dict[str, Any] = {
    "messages": lambda q, a: {
        "messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]
    },
    "ShareGPT": lambda q, a: {"conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]},
    "Alpaca": lambda q, a: {"instruction": q, "input": "", "output": a},
    "prompt/completion": lambda q, a: {"prompt": q, "completion": a},
}


def file(kind: str, count: int = 40, first: int = 0) -> bytes:
    return jsonl(FORMATS[kind](f"Question {n}?", f"Answer {n}.") for n in range(first, first + count))


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_rows(kind: str) -> None:
    expected, plain = split(jsonl(good()))
    report, files = split(file(kind))
    assert (report.verdict, report.counts, report.rows) == ("usable", {}, expected.rows)
    assert report.data_digest == expected.data_digest
    assert files.rows("train") == plain.rows("train")


@pytest.mark.parametrize("other", ["ShareGPT", "Alpaca", "prompt/completion"])
def test_a_mixture_is_refused_with_both_lines(other: str) -> None:
    report = check(file("messages", 20) + file(other, 20, 20))
    assert report.verdict == "rejected"
    [mixed] = [found for found in report.findings if found.code == "DT110"]
    assert mixed.found == f"line 1 is messages, line 21 is {other}"
    assert check(file("messages", 20) + file(other, 20, 20), severities={"DT110": "warn"}).verdict == "usable"


def test_an_alpaca_input_follows_its_instruction() -> None:
    rows = [{"instruction": f"Sum {n} up.", "input": "A text.", "output": "Short."} for n in range(40)]
    _report, files = split(jsonl(rows))
    assert files.rows("train")[0]["messages"][0]["content"].endswith("up.\n\nA text.")


def test_a_system_prompt_goes_first() -> None:
    row = {
        "system": "Be kind.",
        "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}],
    }
    _report, files = split(jsonl([row, *[FORMATS["ShareGPT"](f"Q {n}", "Yes") for n in range(40)]]))
    rows = [row for part in ("train", "validation", "test") for row in files.rows(part)]
    [found] = [row for row in rows if row["messages"][0]["role"] == "system"]
    assert [message["role"] for message in found["messages"]] == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"conversations": [{"from": "human", "value": 5}, {"from": "gpt", "value": "x"}]}, "DT404"),
        ({"conversations": [{"from": "robot", "value": "Hi"}, {"from": "gpt", "value": "x"}]}, "DT403"),
        ({"conversations": "Hi"}, "DT401"),
        ({"instruction": "Hi", "output": ""}, "DT405"),
        ({"prompt": None, "completion": "x"}, "DT404"),
        (
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [1]}]},
            "DT407",
        ),
        ({**good()[0], "tools": [{"type": "function"}]}, "DT211"),
    ],
)
def test_faults_of_a_format_have_their_codes(row: Any, code: str) -> None:
    kind = "messages" if "messages" in row else "ShareGPT"
    report = check(file(kind) + jsonl([row]), max_bad_fraction=1, severities={"DT110": "ignore"})
    assert code in {found.code for found in report.findings if found.line == 41}
    assert report.rows.refused == 1


def test_a_weight_of_nought_is_mentioned() -> None:
    row = good()[0]
    row["messages"][1]["weight"] = 0
    assert check(jsonl([row, *good()[1:]])).counts == {"DT408": 1}
