"""report.json: its published schema, its version, and what is no report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from jsonschema import Draft202012Validator

from shared.datasets import NotAReport, Report, compared
from shared.datasets.report import VERSION
from shared.datasets.schema import schema
from tests.datasets.helpers import chat, check, good, jsonl

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"
HOSTILE = [*good(), b"oops", b"[]", b"\xff", chat("<|user|>"), chat("x" * 10_000)]


def reports() -> Iterator[Report]:
    yield check(jsonl(good()))
    yield check(jsonl(HOSTILE), max_bad_fraction=1)
    yield check(b"")
    yield compared(check(jsonl(good())), check(jsonl(good(41))), "then")


def test_the_published_schema_is_todays() -> None:
    published = json.loads((DOCS / "report.schema.json").read_text("utf-8"))
    assert published == json.loads(json.dumps(schema())), (
        "python3 -m shared.datasets.schema > docs/report.schema.json"
    )


def test_reports_keep_to_the_schema() -> None:
    validator = Draft202012Validator(schema())
    for report in reports():
        validator.validate(json.loads(report.to_json()))


def test_the_schema_refuses_what_is_no_report() -> None:
    whole = json.loads(check(jsonl(good())).to_json())
    validator = Draft202012Validator(schema())
    for key, value in (("rows", {}), ("verdict", 1), ("findings", [{}]), ("statistics", {}), ("sketch", 3)):
        assert not validator.is_valid({**whole, key: value}), key


def test_each_key_is_explained() -> None:
    text = (DOCS / "report.md").read_text("utf-8")
    for name, kind in schema()["$defs"].items():
        for key in kind.get("properties", {}):
            assert re.search(rf"`[^`]*\b{key}\b[^`]*`", text), f"{name}.{key}"


def test_a_report_comes_back_as_it_was() -> None:
    for report in reports():
        assert Report.from_json(report.to_json()) == report
        assert json.loads(report.to_json())["version"] == VERSION


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "truncated"),
        (b"\xff{}", "malformed"),
        (b"[]", "object"),
        (b"{}", "verdict"),
        (b'{"version": "x"}', "version"),
        (msgspec.json.encode({"version": VERSION + 1}), f"reads up to {VERSION}"),
    ],
)
def test_what_is_no_report_is_refused_with_a_reason(data: bytes, said: str) -> None:
    with pytest.raises(NotAReport, match=said):
        Report.from_json(data)


@pytest.mark.parametrize("rows", ["?", "AAAA", "AAAAAAAAAAIAAAAAAAAAAQ==", "A" * 22_000])
def test_a_damaged_sketch_is_seen(rows: str) -> None:
    whole = json.loads(check(jsonl(good())).to_json())
    whole["sketch"]["rows"] = rows
    with pytest.raises(NotAReport, match="sketch"):
        Report.from_json(msgspec.json.encode(whole))


def test_refused_rows_are_shown_with_their_start() -> None:
    report = check(jsonl(HOSTILE), max_bad_fraction=1)
    assert [(row.line, row.code) for row in report.refused] == [(41, "DT201"), (42, "DT209"), (43, "DT203")]
    assert report.refused[0].text == "oops"


def test_a_chat_is_shown_with_its_line_and_what_is_left_out() -> None:
    [shown] = check(jsonl([chat("Hello?", "Hi.")])).preview
    assert (shown.line, shown.left_out, shown.rendered) == (1, 0, None)
    assert [said.text for said in shown.messages] == ["Hello?", "Hi."]
