"""A run as one self-contained page: its state, history, figures and curves.

It loads nothing and runs nothing: its policy allows the one style sheet it carries, by its hash. Every value
is escaped by the template, and characters that would steer the text are shown as their codes.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.app import views
from shared.datasets.page import visible
from shared.web import curves as drawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Template

    from shared.domain.run import Run

TEMPLATES = Path(__file__).with_name("templates")


def render(run: Run, curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Render the page of a run; curves: (step, value) by metric."""
    from markupsafe import Markup

    style = (TEMPLATES / "run.css").read_text("utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    page: str = _template().render(
        run=run,
        line=views.line(run),
        figures=_figures(run),
        plots=list(drawn.plots(curves)),
        size=drawn,
        style=Markup(style),  # noqa: S704 - this package's own text
        policy=Markup(policy),  # noqa: S704
    )
    return page


def _figures(run: Run) -> dict[str, str]:
    """List the job's figures for people, the base model's loss and the token counts with them."""
    found = {key: f"{value:,.6g}" for key, value in sorted(run.metrics.items())}
    if run.base_eval_loss is not None:
        found["eval_loss of the base model"] = f"{run.base_eval_loss:,.6g}"
    return found | {f"{key} tokens": f"{count:,}" for key, count in run.tokens.items()}


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made: Any = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return made.get_template("run.html.j2")  # type: ignore[no-any-return]
