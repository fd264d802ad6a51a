"""The report as one self-contained page: a verdict, plots, every fault. All values are escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.datasets.changes import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.datasets.figures import Spread
    from shared.datasets.report import Report

MOST_SHOWN, MOST_LANGUAGES = 50, 8
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
        plots=list(_plots(report)),
        most_shown=MOST_SHOWN,
        since=sentence(report.since) if report.since else "",
    )
    return page


def _plots(report: Report) -> Iterator[dict[str, Any]]:
    rows, figures = report.rows, report.statistics
    parts = {"train": rows.train, "validation": rows.validation, "test": rows.test}
    yield {"name": "Parts", "bars": _bars(parts), "note": "The same question never stands in two parts."}
    for name, spread in (
        ("Characters of a chat", figures["characters"]),
        ("Messages of a chat", figures["turns"]),
    ):
        yield {"name": name, "bars": _histogram(spread), "note": _range(spread)}
    sampled = figures["sampled"]
    if figures["languages"]:
        languages = dict(figures["languages"][:MOST_LANGUAGES])
        yield {
            "name": "Languages",
            "bars": _bars(languages),
            "note": f"Guessed from some of {sampled:,} rows.",
        }
    copies = {"new": rows.accepted, "exact copies": rows.duplicates}
    near = f"{figures['near_copies']:,} of {sampled:,} sampled rows are near copies of another."
    yield {"name": "Copies", "bars": _bars(copies), "note": near}


def _range(figures: Spread) -> str:
    return (
        f"least {figures['min']:,} · median {figures['median']:,} · 95 % below {figures['p95']:,} · "
        f"most {figures['max']:,}"
    )


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


def _histogram(figures: Spread) -> list[dict[str, Any]]:
    return _bars({f"under {bound:,}": count for bound, count in figures["histogram"]})
