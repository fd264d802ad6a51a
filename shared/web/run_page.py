"""A run as one self-contained page: its state, gates, figures, cost, history and curves.

It loads nothing and runs nothing: its policy allows the one style sheet it carries, by its hash. Every value
is escaped by the template, and characters that would steer the text are shown as their codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.app import gates, tracing, views
from shared.domain import trace
from shared.web import curves as drawn
from shared.web import pages
from shared.web import traffic as shares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.domain.run import Run


def render(run: Run, curves: Mapping[str, Sequence[tuple[int, float]]], now: datetime) -> str:
    """Render the page of a run as it is now; curves: (step, value) by metric."""
    return pages.render(
        "run.html.j2",
        run=run,
        line=views.line(run),
        figures=_figures(run),
        told=views.figures,
        gates=gates.of(run),
        record=trace.of(run, now),
        words=tracing,
        traffic=shares.drawn(run),
        plots=list(drawn.plots(curves)),
        size=drawn,
    )


def _figures(run: Run) -> dict[str, str]:
    """List the job's figures for people, the base model's loss and the token counts with them."""
    found = {key: f"{value:,.6g}" for key, value in sorted(run.metrics.items())}
    if run.base_eval_loss is not None:
        found["eval_loss of the base model"] = f"{run.base_eval_loss:,.6g}"
    return found | {f"{key} tokens": f"{count:,}" for key, count in run.tokens.items()}
