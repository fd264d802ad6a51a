"""The report of a run's data set, as it was written when the drop was prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from shared.app.ledger import Ledger
from shared.domain.errors import Missing

if TYPE_CHECKING:
    from shared.ports import World


def report_of(world: World, name: str, kind: Literal["html", "json"] = "html") -> bytes:
    """Give a run's report, a whole page or report.json; raises Missing: no such run, or no report yet."""
    run = Ledger(world.ledger).load(name).run
    if run.prepared is None:
        raise Missing(
            "report-missing",
            f"The run {run.name} has no report yet.",
            f"Wait for it: droptune watch {run.name}",
        )
    return b"".join(world.prepared.read(f"{run.prepared.folder}/report.{kind}"))
