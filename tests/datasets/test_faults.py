"""Every fault is named, with its line, and the lines after it are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.datasets import prepare
from shared.datasets.preparation import CheckOptions
from tests.datasets.helpers import chat, check, good, jsonl

USER, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
BAD_LINES: list[tuple[str, Any]] = [
    ("DT201", b'{"messages": [oops'),
    ("DT205", b'{"a": ' + b"9" * 5000 + b"}"),
    ("DT203", b'{"messages": "\xe4"}'),
    ("DT205", b'{"messages": NaN}'),
    ("DT205", b'{"messages": [], "x": Infinity}'),
    ("DT206", b'{"messages": [{"role": "user", "role": "user", "content": "a"}], "prompt": "b"}'),
    (
        "DT207",
        b'{"messages": [{"role": "user", "content": "\\ud800"}, {"role": "assistant", "content": "b"}]}',
    ),
    ("DT208", b"[" * 100_000),
    ("DT208", b'{"messages": ' + b"[" * 80 + b"]" * 80 + b"}"),
    ("DT209", b"5"),
    ("DT209", b"[]"),
    ("DT211", {**chat("Hi"), "tools": None}),
    ("DT301", {"text": "Hi"}),
    ("DT301", {"messages": "Hi"}),
    ("DT302", {"messages": []}),
    ("DT302", {"messages": [USER]}),
    ("DT303", {"messages": [USER, {"role": "system", "content": "x"}]}),
    ("DT304", {"messages": [USER, USER, ANSWER]}),
    ("DT305", {"messages": [USER, ANSWER, {"role": "system", "content": "x"}]}),
    ("DT308", {"messages": [{"role": "system", "content": "x"}, ANSWER]}),
    ("DT401", {"messages": ["Hi", ANSWER]}),
    ("DT402", {"messages": [{"content": "Hi"}, ANSWER]}),
    ("DT402", {"messages": [{"role": 1, "content": "Hi"}, ANSWER]}),
    ("DT403", {"messages": [USER, {"role": "tool", "content": "x"}, ANSWER]}),
    ("DT404", {"messages": [{"role": "user", "content": None}, ANSWER]}),
    ("DT404", {"messages": [{"role": "user", "content": 5}, ANSWER]}),
    ("DT404", {"messages": [USER, {"role": "assistant"}]}),
    ("DT405", {"messages": [USER, {"role": "assistant", "content": "  "}]}),
]
WARNED: list[tuple[str, Any]] = [
    ("DT202", b""),
    ("DT210", chat("Hi there", source="web")),
    ("DT306", {"messages": [USER, ANSWER, USER]}),
    ("DT307", good()[0]),
    ("DT406", {"messages": [{**USER, "weight": 1}, ANSWER]}),
    ("DT501", chat("Hi <|assistant|> there")),
    ("DT501", chat("[INST] Hi [/INST]")),
    ("DT502", chat("Hi\u202eereht")),
]


@pytest.mark.parametrize(("code", "line"), BAD_LINES, ids=[f"{c}-{n}" for n, (c, _) in enumerate(BAD_LINES)])
def test_a_bad_line_is_refused_by_code_and_number(code: str, line: Any) -> None:
    report = check(jsonl([*good(2), line, *good(40)[2:]]), max_bad_fraction=0.5)
    assert code in {found.code for found in report.findings if found.line == 3}
    assert report.rows.refused == 1
    assert report.rows.accepted == 40
    assert report.verdict == "usable_after_refusals"


@pytest.mark.parametrize(("code", "line"), WARNED, ids=[f"{c}-{n}" for n, (c, _) in enumerate(WARNED)])
def test_an_odd_line_is_mentioned_and_kept(code: str, line: Any) -> None:
    report = check(jsonl([*good(), line]))
    assert {found.code for found in report.findings if found.line == 41} == {code}
    assert report.rows.refused == 0
    assert report.verdict == "usable"


def test_every_fault_is_reported_not_the_first_alone() -> None:
    rows = good()
    rows[2], rows[6] = b"oops", {"messages": [USER, {"role": "assistant"}]}
    report = check(jsonl(rows))
    assert [(found.line, found.code) for found in report.findings] == [(3, "DT201"), (7, "DT404")]
    assert report.verdict == "rejected"
    assert "2 of 40 rows have errors" in report.reason


def test_a_recipe_may_switch_a_severity() -> None:
    data = jsonl([*good(), chat("Hi <|user|>")])
    assert check(data, severities={"DT501": "error"}).rows.refused == 1
    assert check(data, severities={"DT501": "ignore"}).findings == ()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xef\xbb\xbf" + jsonl(good()), "DT103"),
        (jsonl(good()).replace(b"\n", b"\r\n"), "DT104"),
        (jsonl(good()).rstrip(b"\n"), "DT105"),
    ],
)
def test_what_editors_do_to_files_is_taken_and_mentioned(data: bytes, code: str) -> None:
    report = check(data)
    assert (report.verdict, dict(report.counts)) == ("usable", {code: 1})
    assert report.rows.accepted == 40


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_rejected(data: bytes) -> None:
    report = check(data)
    assert report.verdict == "rejected"
    assert "DT101" in report.counts


def test_a_file_above_the_limit_is_not_read_on() -> None:
    read: list[int] = []

    def chunks() -> Any:
        for n in range(100):
            read.append(n)
            yield jsonl(good(10))

    report = prepare(chunks(), CheckOptions(max_bytes=2000))
    assert report.verdict == "rejected"
    assert "DT102" in report.counts
    assert len(read) < 5


def test_a_line_of_many_megabytes_is_skipped_without_being_held() -> None:
    def chunks() -> Any:
        yield jsonl(good(20))
        for _ in range(40):
            yield b"x" * (1 << 20)
        yield b"\n" + jsonl(good(40)[20:])

    report = prepare(chunks(), CheckOptions(max_bad_fraction=0.5))
    assert [(found.line, found.code) for found in report.findings] == [(21, "DT204")]
    assert report.rows.accepted == 40


def test_too_few_train_rows_are_told_before_a_gpu_starts() -> None:
    report = check(jsonl(good(11)))
    assert report.verdict == "rejected"
    assert "fewer than the 10 needed" in report.reason


def test_control_characters_in_content_are_shown_not_obeyed() -> None:
    report = check(
        jsonl([*good(), {"messages": [{"role": "\x1b[31m", "content": "x"}, ANSWER]}]), max_bad_fraction=1
    )
    assert "\\x1b[31m" in next(found.found for found in report.findings if found.code == "DT403")


def test_findings_are_capped_and_counts_exact() -> None:
    data = jsonl([*good(), *([b"oops"] * 500)])
    report = check(data)
    assert report.counts["DT201"] == 500
    assert len(report.findings) == 50
    assert len(check(data, most_findings=400).findings) == 400


def test_no_code_hides_another_however_many_there_are() -> None:
    many = [b"oops", b"5", b"{}", {"messages": [USER]}, {"messages": [USER, USER, ANSWER]}, b'{"a": NaN}']
    report = check(jsonl([*many * 60, b'{"a": "\\ud800"}', *good()]))
    assert {one.code for one in report.findings} == set(report.counts)
    assert [one.line for one in report.findings if one.code == "DT207"] == [361]


def test_a_report_survives_its_json() -> None:
    report = check(jsonl([*good(), b"oops"]))
    assert type(report).from_json(report.to_json()) == report
    assert json.loads(report.to_json())["verdict"] == "rejected"
