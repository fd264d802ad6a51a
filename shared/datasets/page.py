"""The report as one self-contained page: a verdict, plots, every fault. All values are escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.datasets.report import Report

VERDICTS = {
    "usable": ("Usable", "good"),
    "usable_after_refusals": ("Usable after refusing rows", "fair"),
    "rejected": ("Rejected", "bad"),
}


def render_html(report: Report, title: str) -> str:
    """Render the page. It loads nothing and runs no script."""
    word, tone = VERDICTS[report.verdict]
    page: str = _template().render(
        report=report,
        title=title,
        word=word,
        tone=tone,
        parts=_bars(
            {"train": report.rows.train, "validation": report.rows.validation, "test": report.rows.test}
        ),
        plots=[
            (
                "Characters of a chat",
                _histogram(report.statistics["characters"]),
                report.statistics["characters"],
            ),
            ("Turns of a chat", _histogram(report.statistics["turns"]), report.statistics["turns"]),
        ],
    )
    return page


@cache
def _template() -> Any:  # noqa: ANN401 - jinja2.Template
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(Path(__file__).with_name("report.html.j2").read_text("utf-8"))


def _bars(values: dict[str, int]) -> list[dict[str, Any]]:
    most = max([*values.values(), 1])
    return [{"label": label, "count": n, "share": 100 * n / most} for label, n in values.items()]


def _histogram(figures: dict[str, Any]) -> list[dict[str, Any]]:
    return _bars({f"up to {bound:,}": count for bound, count in figures["histogram"]})
