"""What a drop set off: its runs, the record of each, and its words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.app.ledger import Ledger
from shared.domain import trace
from shared.domain.errors import Missing, Permanent

if TYPE_CHECKING:
    from shared.domain.endings import EndpointEnd
    from shared.domain.run import Run
    from shared.domain.trace import Trace
    from shared.ports import World

MINUTE_HOURS, DAYS_FROM_HOURS = 1 / 60, 48


def of_drop(ledger: Ledger, drop: str) -> list[Run]:
    """Read the runs of a drop, the newest first; raises Permanent where there is none.

    A folder's path ends with a slash; where none has the path as it was given, it may lack that.
    """
    recipe = drop.partition("/")[0] if "/" in drop else ""
    found = [run for run in ledger.of_recipe(recipe) if run.drop.path in {drop, f"{drop}/"}]
    runs = [run for run in found if run.drop.path == drop] or found
    if not runs:
        raise Permanent(
            "drop-unknown", f"No run is of the drop {drop!r}.", "See those there are: droptune runs"
        )
    return runs


def traces(world: World, drop: str) -> list[Trace]:
    """Record each run of a drop, the newest last, or the one run of this name.

    Raises Permanent where there is neither.
    """
    ledger = Ledger(world.ledger)
    runs = _named(ledger, drop) or of_drop(ledger, drop)
    return [trace.of(run, world.now()) for run in reversed(runs)]


def lasted(hours: float) -> str:
    """Say how long something took, to a person."""
    if hours < MINUTE_HOURS:
        return f"{hours * 3600:.0f} s"
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if hours < DAYS_FROM_HOURS else f"{hours / 24:.1f} days"


def dollars(usd: float | None) -> str:
    """Say a sum to a person."""
    return "unknown" if usd is None else f"${usd:,.2f}"


def bills_said(found: Trace) -> str:
    """Say whether it still bills, or since when it does not."""
    if found.billing:
        price = "at an unknown price" if found.usd_a_day is None else f"{dollars(found.usd_a_day)} a day"
        return f"{found.billing} still bills: {price}"
    if found.stopped is None:
        return "nothing of it has billed"
    stop = found.stopped
    taken = f" ({stop.taken})" if stop.taken else ""
    whose = "" if stop.by == "droptune" else f", by {stop.by}"
    return f"nothing of it bills since {stop.at:%Y-%m-%d %H:%M:%S}: {stop.reason}{taken}{whose}"


def ended_said(end: EndpointEnd) -> str:
    """Say when an endpoint went, by which rule, and why."""
    return f"{end.endpoint} went {end.at:%Y-%m-%d %H:%M:%S} by rule {end.rule}: {end.reason}"


def _named(ledger: Ledger, name: str) -> list[Run]:
    """Find the run of this name; a path has a slash, a run's name has none."""
    try:
        return [] if "/" in name else [ledger.load(name).run]
    except Missing:
        return []
