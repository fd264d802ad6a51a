"""The validation engine: bytes in, prepared parts and a report out. No Azure, no clock."""

from shared.datasets.changes import compared
from shared.datasets.checks import CHECKS
from shared.datasets.findings import Finding
from shared.datasets.page import render_html
from shared.datasets.prepare import CheckOptions, Outputs, prepare
from shared.datasets.report import NotAReport, Report, Rows

__all__ = [
    "CHECKS",
    "CheckOptions",
    "Finding",
    "NotAReport",
    "Outputs",
    "Report",
    "Rows",
    "compared",
    "prepare",
    "render_html",
]
