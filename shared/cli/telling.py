"""What a check found, in lines for people."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from shared import datasets
from shared.cli import output
from shared.datasets.foretold import told
from shared.datasets.tokenfigures import said


def tell(report: datasets.Report) -> None:
    """Say the verdict, what is new, tokens, what Azure ML would do, and every finding that is kept."""
    output.say(f"{report.verdict.replace('_', ' ')}: {report.reason}")
    if report.since is not None:
        output.say(f"  {datasets.newer(report.since)}")
    if report.tokens is not None:
        output.say(f"  {report.tokens['total']:,} tokens, {said(report.tokens)}")
    _foretell(report)
    for found in report.findings:
        output.say(
            f"  {found.code} {found.severity:<7} {found.where}: {found.found}; expected {found.expected}"
        )
    for code, more in left_out(report).items():
        output.say(f"  {code} and {more:,} more: see them all with --json")


def whole(report: datasets.Report) -> dict[str, Any]:
    """Give report.json, and by code how many findings it leaves out."""
    return {**msgspec.json.decode(report.to_json()), "left_out": left_out(report)}


def left_out(report: datasets.Report) -> dict[str, int]:
    """Count the findings that are not listed, by code."""
    listed = Counter(one.code for one in report.findings)
    return {code: count - listed[code] for code, count in report.counts.items() if count > listed[code]}


def _foretell(report: datasets.Report) -> None:
    foretold = told(report)
    if foretold is None:
        return
    output.say(f"  Azure ML, with the file as it is: {foretold.dropped}")
    for line in foretold.lines:
        output.say(f"    {line}")
    if foretold.prepared:
        output.say(f"  {foretold.prepared}")
