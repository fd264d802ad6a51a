"""The validation engine: bytes in, prepared parts and a report out. No Azure, no clock."""

from shared.datasets.checks import CHECKS
from shared.datasets.findings import Finding
from shared.datasets.page import render_html
from shared.datasets.prepare import CheckOptions, Outputs, prepare
from shared.datasets.report import Report, Rows

__all__ = ["CHECKS", "CheckOptions", "Finding", "Outputs", "Report", "Rows", "prepare", "render_html"]
