"""Tell what happened: an outbox of what is not told yet, and whoever comes by empties it.

runs/outbox/run/<run>+N    a marker, written before the run's document; the events follow from its history
runs/outbox/sweep/<order>  one event of a sweep; it moves to runs/sweep/events/<order> when it is told
What fails stays in the outbox and harms nothing else. Twice is allowed: ids tell.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.app import notices
from shared.app.books import Books
from shared.app.ledger import DAY, Ledger, untold
from shared.domain import events
from shared.domain.errors import Changed, DroptuneError, Missing
from shared.domain.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shared.domain.run import Run
    from shared.ports import Entry, World

log = logging.getLogger(__name__)
RUNS, SWEEPS, TOLD = "outbox/run/", "outbox/sweep/", "sweep/events/"
AT_ONCE = 100  # far below what a topic takes at once, a megabyte
EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)  # as in shared.app.ledger


def put(world: World, told: Sequence[Event]) -> None:
    """Put events of a sweep into the outbox; the same event twice is there once."""
    for event in told:
        name = f"{SWEEPS}{event.sequence}"
        world.ledger.put(name, msgspec.json.encode(event))


def take_back(world: World, told: Sequence[Event]) -> None:
    """Take events of a sweep out of the outbox again: nothing came of them."""
    for event in told:
        world.ledger.delete(f"{SWEEPS}{event.sequence}")


def tell_all(world: World) -> None:
    """Empty the outbox as far as that goes just now."""
    runs: dict[str, list[Entry]] = {}
    for entry in world.ledger.names(RUNS):
        runs.setdefault(_of(entry.name)[0], []).append(entry)
    for name, markers in runs.items():
        tell_run(world, name, markers)
    waiting = [entry.name for entry in world.ledger.names(SWEEPS)]
    for first in range(0, len(waiting), AT_ONCE):
        _safely("events of a sweep", partial(_sweep, world, waiting[first : first + AT_ONCE]))
    _safely("notices to people", partial(notices.tell_again, world))


def tell_run(world: World, name: str, markers: Sequence[Entry] = ()) -> None:
    """Tell what is not told yet of a run; never raises, for the run goes on whatever becomes of a notice.

    markers: those of it that were found in the outbox.
    """
    _safely(f"events of {name}", partial(_run, world, name, markers))


def _run(world: World, name: str, markers: Sequence[Entry]) -> None:
    ledger = Ledger(world.ledger)
    try:
        held = ledger.load(name)
    except Missing:
        _forget_old(world, markers)
        return  # its document is on the way, or nothing came of it
    told, changes = held.run.told, len(held.run.history)
    fresh = events.of_run(held.run, world.installation)[told:]
    if fresh:
        world.topic.publish(fresh)
        begun = notices.begin(world, _channels(held.run), fresh)
        try:
            ledger.save(held, replace(held.run, told=changes))
        except Changed:
            return  # somebody goes on with it: its marker stays, and the same ids are told again
        notices.tell(world, begun)
    # The marker of a change that is just being written stays; after a day nothing came of that change.
    late = {marker.name for marker in markers if world.now() - marker.modified > DAY}
    done = {marker.name for marker in markers if _of(marker.name)[1] <= changes} | late
    for marker in sorted(done | {untold(name, count) for count in range(told + 1, changes + 1)}):
        world.ledger.delete(marker)


def _of(marker: str) -> tuple[str, int]:
    """Read a marker's run and the number of its change; 0 where an earlier Droptune wrote it."""
    name, _, count = marker.removeprefix(RUNS).partition("+")
    return name, int(count) if count.isdecimal() else 0


def _forget_old(world: World, markers: Sequence[Entry]) -> None:
    for marker in markers:
        if world.now() - marker.modified > DAY:
            world.ledger.delete(marker.name)


def _sweep(world: World, names: Sequence[str]) -> None:
    told = list(read(world, names))
    if told:
        world.topic.publish(told)
    books = Books(world, Ledger(world.ledger))
    for event in told:
        recipe = books.recipe(event.data.get("recipe") or "", event.data.get("run"))
        begun = notices.begin(world, recipe.notify.to, [event])
        world.ledger.put(f"{TOLD}{event.sequence}", msgspec.json.encode(event))
        world.ledger.delete(f"{SWEEPS}{event.sequence}")
        notices.tell(world, begun)


def read(world: World, names: Iterable[str]) -> Iterator[Event]:
    """Read events of sweeps; what another teller moved meanwhile is left out."""
    for name in names:
        try:
            yield EVENTS.decode(world.ledger.read(name).data)
        except Missing:
            continue


def _channels(run: Run) -> Sequence[str]:
    return run.recipe.notify.to if run.recipe else ()


def _safely(what: str, tell: Callable[[], None]) -> None:
    try:
        tell()
    except DroptuneError as error:
        log.warning("%s are not told yet: %s", what, error.problem.code)
    except Exception:
        log.exception("%s are not told", what)
