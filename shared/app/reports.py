"""The report of a run's data set, as it was written when the drop was prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from shared.app.ledger import Ledger
from shared.domain.errors import Missing

if TYPE_CHECKING:
    from shared.domain.run import Run
    from shared.ports import World


def report_of(world: World, name: str, kind: Literal["html", "json"] = "html") -> bytes:
    """Give a run's report, a whole page or report.json; raises Missing: no such run, or no report of it."""
    try:
        run = Ledger(world.ledger).load(name).run
    except Missing as missing:
        what = f"There is no run {name!r}."
        raise Missing("run-missing", what, "See the runs there are: droptune runs") from missing
    if run.erased is not None:
        by = f" by {run.erased_by}" if run.erased_by else ""
        what = f"The report of {run.name} was erased at {run.erased:%F %R} UTC{by}."
        raise Missing("report-erased", what, f"See what is left: droptune show {run.name}")
    if run.prepared is None:
        raise _none(run)
    return b"".join(world.prepared.read(f"{run.prepared.folder}/report.{kind}"))


def _none(run: Run) -> Missing:
    if run.ended:
        what = f"The run {run.name} has no report: it ended {run.state} before its data were read."
        return Missing("report-missing", what, f"See why: droptune show {run.name}")
    what = f"The run {run.name} has no report yet."
    return Missing("report-missing", what, f"Wait for it: droptune watch {run.name}")
