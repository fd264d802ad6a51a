from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local.devtools import bicep

FILES = [Path("a.bicep")]


def report(**changes: Any) -> str:
    summary = {"passed": 40, "failed": 0, "parsing_errors": 0} | changes.pop("summary", {})
    return json.dumps({"summary": summary, "results": {"failed_checks": [], "parsing_errors": [], **changes}})


def test_a_clean_report_passes() -> None:
    assert bicep.judged(report(), FILES) == []


def test_a_file_that_was_not_read_fails_though_every_check_passed() -> None:
    assert bicep.judged(report(summary={"parsing_errors": 1}), FILES) == [
        "checkov could not parse 1 of 1 files"
    ]
    assert bicep.judged(report(parsing_errors=["/a.bicep"]), FILES) == ["checkov could not parse /a.bicep"]


def test_a_failed_check_is_named_with_its_place() -> None:
    failed = {
        "check_id": "CKV_AZURE_1",
        "check_name": "that",
        "file_path": "/a.bicep",
        "file_line_range": [3, 9],
        "resource": "r",
    }
    assert bicep.judged(report(failed_checks=[failed]), FILES) == ["CKV_AZURE_1 /a.bicep:3-9 r: that"]


def test_few_checks_or_no_report_fail() -> None:
    assert "was everything read" in bicep.judged(report(summary={"passed": 2}), FILES)[0]
    assert "no report" in bicep.judged("", FILES)[0]
    assert "no report" in bicep.judged("[]", FILES)[0]
