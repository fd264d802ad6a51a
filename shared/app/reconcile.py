"""The minute timer: it does no work itself, it wakes what is overdue and finds drops that raised no event."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.app import telling
from shared.app.daily import daily
from shared.app.ledger import Ledger
from shared.app.receive import receive_drop, receive_failed
from shared.domain.errors import AlreadyThere, Changed, DroptuneError, Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.drops import Drop
    from shared.domain.timing import Timing
    from shared.ports import World

log = logging.getLogger(__name__)

LISTING = "timers/listing"
MENDING = "timers/mending"
DAY = 86_400.0


def reconcile(world: World, timing: Timing) -> None:
    """Wake overdue runs, tell what is untold; at their own intervals list the drops, mend the ledger.

    A part that fails hinders no other; the first failure goes out at the end. Whom Droptune tells may keep it
    waiting, so drops come first.
    """
    ledger = Ledger(world.ledger)
    failures = list[Exception]()
    parts: tuple[Callable[[], object], ...] = (
        lambda: wake_overdue(world, ledger, timing),
        lambda: receive_unseen(world, ledger, timing) if _its_turn(world, LISTING, timing.listing) else None,
        lambda: telling.tell_all(world),
        lambda: daily(world, ledger) if _its_turn(world, MENDING, DAY) else None,
    )
    for part in parts:
        try:
            part()
        except Exception as error:  # noqa: BLE001 - it goes out below
            failures.append(error)
    if failures:
        raise failures[0]


def wake_overdue(world: World, ledger: Ledger, timing: Timing) -> None:
    """Send each overdue run the wake number that its document holds.

    A marker without a document came first and the document is on the way, or the daily pass takes it.
    """
    for run in ledger.readable(ledger.overdue(world.now() - timedelta(seconds=timing.overdue))):
        if run.ended:
            world.ledger.delete(f"active/{run.name}")
        else:
            world.steps.send(run.name, wake=run.wake)


def receive_unseen(world: World, ledger: Ledger, timing: Timing) -> None:
    """Receive every complete drop that is old enough to have raised its event and has no run.

    One that cannot be received, and nobody foresaw why, gets a run that failed, to be seen and retried.
    """
    known = set(ledger.runs())
    before = world.now() - timedelta(seconds=timing.drop_age)
    failures: list[DroptuneError] = []
    for drop in world.drops.all():
        if drop.settled > before or drop.run in known:
            continue
        try:
            name = _received(world, drop)
            if name not in known:
                world.steps.send(name)
        except DroptuneError as error:  # one bad drop never sinks the others
            failures.append(error)
    if failures:
        raise failures[0]


def _received(world: World, drop: Drop) -> str:
    try:
        return receive_drop(world, drop)
    except DroptuneError:
        raise
    except Exception as error:
        log.exception("run %s: its drop cannot be received", drop.run)
        return receive_failed(world, drop, error)


def _its_turn(world: World, name: str, seconds: float) -> bool:
    """Tell whether `seconds` have passed since this was last done; of several instances one hears yes."""
    now = world.now()
    stamp = now.isoformat().encode()
    try:
        stored = world.ledger.read(name)
        if now - datetime.fromisoformat(stored.data.decode()) < timedelta(seconds=seconds):
            return False
        world.ledger.replace(name, stamp, stored.etag)
    except Missing:
        try:
            world.ledger.create(name, stamp)
        except AlreadyThere:
            return False
    except Changed:
        return False
    return True
