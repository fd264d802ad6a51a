"""The validation engine: bytes in, prepared parts and a report out. No Azure, no clock.

What it offers is imported on first use: numpy and the templates are no business of a cold start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.datasets.changes import compared, newer
    from shared.datasets.checks import CHECKS
    from shared.datasets.findings import Finding
    from shared.datasets.page import render_html
    from shared.datasets.preparation import CheckOptions, Outputs, prepare, prepare_parts
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
_HOMES = {
    "changes": ("compared", "newer"),
    "checks": ("CHECKS",),
    "findings": ("Finding",),
    "page": ("render_html",),
    "preparation": ("CheckOptions", "Outputs", "prepare", "prepare_parts"),
    "report": ("NotAReport", "Report", "Rows"),
    "sources": ("Source",),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is asked for
    """Import what is asked for."""
    for module, names in _HOMES.items():
        if name in names:
            found = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
