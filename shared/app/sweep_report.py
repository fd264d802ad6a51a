"""What a sweep says: its report, the last one and those of sweeps that took something.

runs/sweep/last.json        the last sweep's, whatever it did
runs/sweep/reports/<time>   of each sweep that took something, the newest first; kept for two years
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the decoder reads the types
from typing import TYPE_CHECKING

import msgspec

from shared.app.ledger import inverted
from shared.domain.errors import Missing
from shared.domain.survey import Finding  # noqa: TC001 - the decoder reads the types
from shared.domain.sweep import Verdict  # noqa: TC001

if TYPE_CHECKING:
    from shared.ports import World

LAST, KEPT = "sweep/last.json", "sweep/reports/"


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found and did.

    digest: of its plan; errors: by endpoint or deployment; taken: what is gone or going, with those that an
    earlier sweep began; unpriced: how many of these nobody could price;
    saved_usd: what all sweeps have saved until now; beside: what else bills for nothing.
    """

    at: datetime
    dry_run: bool
    digest: str
    verdicts: tuple[Verdict, ...]
    taken: tuple[Verdict, ...]
    errors: dict[str, str]
    saves_monthly_usd: float | None
    unpriced: int = 0
    saved_usd: float = 0.0
    beside: tuple[Finding, ...] = ()

    def to_json(self) -> bytes:
        """Give the report for programs."""
        return msgspec.json.encode(self)


REPORTS: msgspec.json.Decoder[SweepReport] = msgspec.json.Decoder(SweepReport)  # as in shared.app.ledger


def keep(world: World, report: SweepReport) -> None:
    """Keep it as the last one, and for long where something went."""
    data = report.to_json()
    world.ledger.put(LAST, data)
    if report.taken:
        world.ledger.put(f"{KEPT}{inverted(report.at)}.json", data)


def last(world: World) -> SweepReport:
    """Read the last sweep's report; raises Missing before the first sweep."""
    try:
        return REPORTS.decode(world.ledger.read(LAST).data)
    except Missing:
        raise Missing(
            "sweep-missing",
            "No sweep has been here yet.",
            "SWEEP_SCHEDULE says when one is; see what one would do now: droptune sweep --dry-run",
        ) from None
