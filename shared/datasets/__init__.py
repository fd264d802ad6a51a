"""The validation engine: bytes in, prepared parts and a report out. No Azure, no clock."""

from shared.datasets.changes import compared, newer
from shared.datasets.checks import CHECKS
from shared.datasets.findings import Finding
from shared.datasets.page import render_html
from shared.datasets.prepare import CheckOptions, Outputs, prepare, prepare_parts
from shared.datasets.report import NotAReport, Report, Rows
from shared.datasets.sources import Source

__all__ = [
    "CHECKS",
    "CheckOptions",
    "Finding",
    "NotAReport",
    "Outputs",
    "Report",
    "Rows",
    "Source",
    "compared",
    "newer",
    "prepare",
    "prepare_parts",
    "render_html",
]
