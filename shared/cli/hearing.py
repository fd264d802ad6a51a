"""`events`: what happened, as the topic hears it; derived from the ledger, so it is there without one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from shared.app import telling
from shared.app.ledger import Ledger
from shared.cli import output
from shared.domain import events as made

if TYPE_CHECKING:
    from shared.cli.context import Context
    from shared.domain.events import Event
    from shared.ports import World

LOOKS = 2.0


def events(context: Context) -> int:
    """Print events by their time, one a line; with --follow go on with those that come."""
    seen: set[str] = set()
    while True:
        for event in sorted(
            _all(context.world, context.args.limit), key=lambda one: (one.time, one.sequence)
        ):
            if event.id not in seen:
                seen.add(event.id)
                output.as_json(msgspec.to_builtins(event))
        if not context.args.follow:
            return 0
        time.sleep(LOOKS)


def _all(world: World, limit: int) -> list[Event]:
    runs = Ledger(world.ledger).newest(limit)
    found = [event for run in runs for event in made.of_run(run, world.installation)]
    names = [entry.name for place in (telling.TOLD, telling.SWEEPS) for entry in world.ledger.names(place)]
    return found + list(telling.read(world, names))
