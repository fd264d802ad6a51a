"""--fix: what can be mended is, all is said, nothing is invented."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.cli.main import main
from shared.datasets import CHECKS
from shared.datasets.repair import repair
from tests.datasets.helpers import chat, check, good, jsonl
from tests.datasets.strategies import any_line, odd_rows

if TYPE_CHECKING:
    from shared.datasets.repair import Repaired

PAGES = Path(__file__).parents[2] / "docs" / "checks"
USER, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
SYSTEM = {"role": "system", "content": "Be kind."}


def mended(row: Any) -> Repaired:
    [done] = list(repair([jsonl([row])]))
    return done


def contents(done: Repaired) -> list[tuple[str, str]]:
    assert done.row is not None
    return [(one["role"], one["content"]) for one in json.loads(done.row)["messages"]]


@pytest.mark.parametrize(
    ("row", "code", "expected"),
    [
        ({"messages": [USER, USER, ANSWER]}, "DT304", [("user", "Hi\n\nHi"), ("assistant", "Hello")]),
        (
            {"messages": [USER, SYSTEM, ANSWER]},
            "DT305",
            [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello")],
        ),
        ({"messages": [USER, ANSWER, USER]}, "DT306", [("user", "Hi"), ("assistant", "Hello")]),
        (chat("Hi", "Hello", source="web"), "DT210", [("user", "Hi"), ("assistant", "Hello")]),
        (chat("Hi", "Hello", tools=[]), "DT211", [("user", "Hi"), ("assistant", "Hello")]),
        ({"messages": [{**USER, "name": "x"}, ANSWER]}, "DT406", [("user", "Hi"), ("assistant", "Hello")]),
        ({"messages": [USER, {**ANSWER, "weight": 0}]}, "DT408", [("user", "Hi"), ("assistant", "Hello")]),
        ({"prompt": "Hi", "completion": "Hello"}, "DT110", [("user", "Hi"), ("assistant", "Hello")]),
    ],
)
def test_a_row_is_mended_and_the_change_is_said(row: Any, code: str, expected: list[tuple[str, str]]) -> None:
    done = mended(row)
    assert contents(done) == expected
    assert [change[0] for change in done.changes] == [code]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b"oops", "DT201"),
        (b'{"messages": "\xe4"}', "DT203"),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "DT404"),
        ({"messages": [USER, {"role": "assistant", "content": " "}]}, "DT405"),
        ({"messages": [USER]}, "DT302"),
        ({"messages": [USER, SYSTEM]}, "DT303"),
        ({"messages": [SYSTEM, USER, SYSTEM, ANSWER]}, "DT305"),
        ({"messages": [USER, {"role": "tool", "content": "x"}, ANSWER]}, "DT403"),
        ({"text": "x"}, "DT301"),
        (5, "DT209"),
    ],
)
def test_what_only_inventing_would_mend_is_put_aside(row: Any, code: str) -> None:
    done = mended(row)
    assert done.row is None
    assert done.fault is not None
    assert done.fault[0] == code


def test_what_concerns_the_file_is_said() -> None:
    data = (
        b"\xef\xbb\xbf"
        + jsonl([*good(3), good()[0]]).replace(b"\n", b"\r\n")
        + b"\n"
        + jsonl([good(4)[3]])[:-1]
    )
    done = list(repair([data]))
    assert [change for one in done for change in one.changes] == [
        ("DT307", "left the copy out"),
        ("DT202", "left the blank line out"),
        ("DT103", "took the byte-order mark off"),
        ("DT104", "wrote LF for CRLF"),
        ("DT105", "added the last line end"),
    ]
    assert sum(one.row is not None for one in done) == 4


PIECES = st.sampled_from(["user", "assistant", "system"])
MESSAGES = st.lists(
    st.builds(lambda r, c: {"role": r, "content": c}, PIECES, st.sampled_from("abc")), max_size=6
)


@given(st.lists(MESSAGES, max_size=12))
@settings(max_examples=150, deadline=None)
def test_what_is_mended_passes_and_loses_no_text_of_an_answered_question(rows: list[Any]) -> None:
    done = list(repair([jsonl({"messages": messages} for messages in rows)]))
    kept = [one.row for one in done if one.row is not None]
    if kept:
        report = check(b"\n".join(kept) + b"\n", max_bad_fraction=1)
        assert report.rows.refused == report.rows.duplicates == 0
        assert "DT306" not in report.counts
    for one in done:
        assert one.line is not None
        assert (one.row is None) == bool(one.fault or {"DT307"} & {code for code, _ in one.changes})
        if one.row is not None:
            given_texts = [message["content"] for message in rows[one.line - 1]]
            kept_texts = "\n\n".join(text for _role, text in contents(one)).split("\n\n")
            assert set(kept_texts) <= set(given_texts)


def written(done: list[Repaired]) -> bytes:
    return b"".join(one.row + b"\n" for one in done if one.row is not None)


MENDED = {
    "DT104",
    "DT105",
    "DT110",
    "DT202",
    "DT210",
    "DT211",
    "DT304",
    "DT305",
    "DT306",
    "DT307",
    "DT406",
    "DT408",
}
LINES = st.lists(any_line() | odd_rows().map(lambda row: json.dumps(row).encode()), max_size=15)


@given(LINES, st.sampled_from([b"\n", b"\r\n"]))
@settings(max_examples=100, deadline=None)
def test_mending_twice_changes_nothing_and_what_is_mended_is_right(lines: list[bytes], end: bytes) -> None:
    once = list(repair([b"{}" + end + end.join(lines)]))
    data = written(once)
    again = list(repair([data]))
    assert written(again) == data
    assert not [one for one in again if one.changes or one.fault]
    report = check(data, max_bad_fraction=1)
    assert report.rows.refused == report.rows.duplicates == 0
    assert not MENDED & set(report.counts)
    assert report.rows.accepted == sum(one.row is not None for one in once)


@given(LINES)
@settings(max_examples=100, deadline=None)
def test_every_difference_is_said_and_no_line_is_lost(lines: list[bytes]) -> None:
    data = b"{}\n" + b"".join(line + b"\n" for line in lines)
    done = [one for one in repair([data]) if one.line is not None][1:]
    assert [one.line for one in done] == list(range(2, len(lines) + 2))
    for line, one in zip(lines, done, strict=True):
        if one.row is None:
            assert one.fault or {"DT202", "DT307"} & {code for code, _done in one.changes}
        elif not one.changes:
            assert json.loads(one.row) == json.loads(line)
        else:
            assert json.loads(one.row) != json.loads(line)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": 5, **chat("Hi", "Hello")}, ("DT210", "dropped column 'prompt' that holds a number")),
        (
            {"prompt_id": [1], **chat("Hi", "Hello")},
            ("DT210", "dropped column 'prompt_id' that holds a list"),
        ),
        (
            {"messages": [USER, {**ANSWER, "tool_calls": None}]},
            ("DT406", "dropped the key: message 2 has a key 'tool_calls'"),
        ),
        (
            {"prompt": "Hi", "prompt_id": "7", "messages": [USER, USER, ANSWER]},
            ("DT304", "dropped prompt and prompt_id: the first question is another now"),
        ),
    ],
)
def test_what_was_once_changed_without_a_word_is_said(row: Any, said: tuple[str, str]) -> None:
    done = mended(row)
    assert done.row is not None
    assert said in done.changes
    assert check(jsonl([*good(), row])).counts[said[0]] == 1


def test_an_input_that_is_no_text_is_not_left_out_of_the_question() -> None:
    row = {"instruction": "Double it.", "input": 21, "output": "42"}
    assert mended(row).fault == ("DT404", "message 1 has a number as its content")
    report = check(jsonl([row]), max_bad_fraction=1)
    assert [one.code for one in report.findings if one.line] == ["DT404"]


def test_every_page_says_what_fix_does() -> None:
    for code in CHECKS:
        assert re.search(r"`droptune check FILE --fix OUT`", (PAGES / f"{code}.md").read_text("utf-8")), code


def test_the_command_writes_says_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_bytes(jsonl([*good(), {"messages": [USER, USER, ANSWER]}, b"oops"]))
    assert main(["check", str(source), "--fix", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [(one["line"], one["code"]) for one in printed["changes"]] == [(41, "DT304"), (42, "DT201")]
    assert printed["rows"]["total"] == len(out.read_bytes().splitlines()) == 41
    assert json.loads((tmp_path / "rejected.jsonl").read_bytes())["line"] == 42
    assert main(["check", str(source), "--fix", str(source)]) == 3
    assert "would be overwritten" in capsys.readouterr().err
    assert main(["check", str(source), "--fix", str(out)]) == 0
    assert "DT304 line 41: merged 2 user messages into one" in capsys.readouterr().out
