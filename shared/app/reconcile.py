"""The minute timer: it does no work itself, it wakes what is overdue and finds drops that raised no event."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.app import forgetting, telling
from shared.app.ledger import Ledger
from shared.app.receive import receive_drop
from shared.app.retention import expire_models
from shared.domain.errors import AlreadyThere, Changed, DroptuneError, Missing

if TYPE_CHECKING:
    from shared.domain.timing import Timing
    from shared.ports import World

log = logging.getLogger(__name__)

LISTING = "timers/listing"
MENDING = "timers/mending"
DAY = 86_400.0


def reconcile(world: World, timing: Timing) -> None:
    """Wake overdue runs, tell what is untold; at their own intervals list the drops, mend the markers."""
    ledger = Ledger(world.ledger)
    wake_overdue(world, ledger, timing)
    telling.tell_all(world)
    if _its_turn(world, LISTING, timing.listing):
        receive_unseen(world, ledger, timing)
    if _its_turn(world, MENDING, DAY):
        mended = ledger.mend_markers()
        erased, models = forgetting.expire(world), expire_models(world)
        log.info("markers mended: %d; data of %d runs erased, %d models gone", mended, erased, models)


def wake_overdue(world: World, ledger: Ledger, timing: Timing) -> None:
    """Send each overdue run the wake number that its document holds."""
    for name in ledger.overdue(world.now() - timedelta(seconds=timing.overdue)):
        try:
            run = ledger.load(name).run
        except Missing:
            continue  # its marker came first and its document is on the way, or the daily pass takes it
        if run.ended:
            world.ledger.delete(f"active/{name}")
        else:
            world.steps.send(name, wake=run.wake)


def receive_unseen(world: World, ledger: Ledger, timing: Timing) -> None:
    """Receive every complete drop that is old enough to have raised its event and has no run."""
    known = set(ledger.runs())
    before = world.now() - timedelta(seconds=timing.drop_age)
    failures: list[DroptuneError] = []
    for drop in world.drops.all():
        if drop.settled > before or drop.run in known:
            continue
        try:
            name = receive_drop(world, drop)
            if name not in known:
                world.steps.send(name)
        except DroptuneError as error:  # one bad drop never sinks the others
            failures.append(error)
    if failures:
        raise failures[0]


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
