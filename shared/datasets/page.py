"""The report as one self-contained page: verdict, figures, plots, what is new, faults by kind, some rows.

It loads nothing and runs nothing: its policy allows the one style sheet it carries, by its hash. Every value
is escaped by the templates, and characters that would steer the text instead of showing are shown.
"""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.datasets.findings import shown, where
from shared.datasets.foretold import told
from shared.datasets.grouped import groups
from shared.datasets.newness import newness
from shared.datasets.plots import plots

if TYPE_CHECKING:
    from jinja2 import Environment

    from shared.datasets.report import Report

TEMPLATES = Path(__file__).with_name("templates")
SECTIONS = ("verdict.j2", "foretold.j2", "plots.j2", "since.j2", "findings.j2", "refused.j2", "preview.j2")
MOST_REFUSED, MOST_TITLE = 20, 300
JOINERS = "\u200c\u200d"  # right in Persian, in Indian scripts and between the parts of an emoji
VERDICTS = {
    "usable": ("Usable", "good", "✓"),
    "usable_after_refusals": ("Usable after refusing rows", "fair", "!"),
    "rejected": ("Rejected", "bad", "✕"),
}


@dataclass(frozen=True)
class _Verdict:
    word: str
    tone: str
    sign: str
    reason: str


@dataclass(frozen=True)
class _Number:
    label: str
    value: str


def render_html(report: Report, title: str) -> str:
    """Render the page. title: what the data set is called."""
    style = (TEMPLATES / "style.css").read_text("utf-8")
    page: str = (
        _templates()
        .get_template("report.html.j2")
        .render(
            report=report,
            title=shown(title, MOST_TITLE),
            style=_trusted(style),
            policy=_trusted(_policy(style)),
            sections=SECTIONS,
            verdict=_Verdict(*VERDICTS[report.verdict], _sentence(report.reason)),
            numbers=_numbers(report),
            plots=list(plots(report)),
            foretold=told(report),
            since=newness(report.since) if report.since else None,
            groups=groups(report),
            where=where,
            most_refused=MOST_REFUSED,
        )
    )
    return page


def _sentence(text: str) -> str:
    return shown(text[:1].upper() + text[1:], MOST_TITLE)


def _numbers(report: Report) -> list[_Number]:
    rows = report.rows
    return [
        _Number(label, f"{count:,}")
        for label, count in (
            ("rows", rows.total),
            ("accepted", rows.accepted),
            ("refused", rows.refused),
            ("exact copies", rows.duplicates),
            (_counted(report), report.statistics["estimated_tokens"]),
        )
    ]


def _counted(report: Report) -> str:
    """Say what the number of tokens is."""
    if report.tokens is None or report.tokens["counted_by"] is None:
        return "tokens (estimate)"
    return "tokens" if report.tokens["total_exact"] else f"tokens (± {report.tokens['error']:.1%})"


def _policy(style: str) -> str:
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def visible(value: Any) -> Any:  # noqa: ANN401 - whatever a template writes
    """Show what would steer the text around it, control and direction marks, as its code."""
    if type(value) is not str or value.isprintable():
        return value
    return "".join(_shown(character) for character in value)


def _shown(character: str) -> str:
    steers = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    if not steers or character in "\n\t" or character in JOINERS:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()


def _trusted(text: str) -> Any:  # noqa: ANN401 - markupsafe.Markup
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - this package's own text


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
