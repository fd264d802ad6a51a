"""Tell what happened: an outbox of what is not told yet, and whoever comes by empties it.

runs/outbox/run/<run>+N    a marker, written before the run's document; the events follow from its history
runs/outbox/sweep/<order>  one event of a sweep, or of a run that cannot end; it moves to
                           runs/sweep/events/<order> when it is told
What fails stays in the outbox and harms nothing else: people hear of it while the topic is away, and of a
topic that is away a pass asks once. Twice is allowed: ids tell.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.app import notices
from shared.app.books import Books
from shared.app.ledger import DAY, Ledger, untold
from shared.domain import events
from shared.domain.errors import Changed, DroptuneError, Missing, Transient
from shared.domain.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shared.app.ledger import Held
    from shared.domain.run import Run
    from shared.ports import Entry, World

log = logging.getLogger(__name__)
RUNS, SWEEPS, TOLD = "outbox/run/", "outbox/sweep/", "sweep/events/"
AT_ONCE = 100  # far below what a topic takes at once, a megabyte
HEARD = {"heard": "yes"}  # of a sweep's event: people have been told
EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)  # as in shared.app.ledger


def put(world: World, told: Sequence[Event]) -> None:
    """Put events that no run's history tells into the outbox; the same event twice is there once."""
    for event in told:
        name = f"{SWEEPS}{event.sequence}"
        world.ledger.put(name, msgspec.json.encode(event))


def stuck(world: World, run: Run, why: str) -> None:
    """Put into the outbox, once, that a run which is to end cannot be cleaned up."""
    event = events.stuck(run, why, world.now(), world.installation)
    if not list(read(world, [f"{TOLD}{event.sequence}", f"{SWEEPS}{event.sequence}"])):
        put(world, [event])


def take_back(world: World, told: Sequence[Event]) -> None:
    """Take events of a sweep out of the outbox again: nothing came of them."""
    for event in told:
        world.ledger.delete(f"{SWEEPS}{event.sequence}")


@dataclass
class Courier:
    """Brings events to the topic, and asks one that does not answer no more."""

    world: World
    away: Transient | None = None

    def bring(self, told: Sequence[Event]) -> None:
        """Publish events; raises what the topic raises."""
        if self.away is not None:
            raise self.away
        try:
            self.world.topic.publish(told)
        except Transient as away:
            self.away = away
            raise


def tell_all(world: World) -> None:
    """Empty the outbox as far as that goes just now."""
    runs: dict[str, list[Entry]] = {}
    courier = Courier(world)
    for entry in world.ledger.names(RUNS):
        runs.setdefault(_of(entry.name)[0], []).append(entry)
    for name, markers in runs.items():
        _safely(f"events of {name}", partial(_run, courier, name, markers))
    waiting = list(world.ledger.names(SWEEPS))
    for first in range(0, len(waiting), AT_ONCE):
        _safely("events of a sweep", partial(_sweep, courier, waiting[first : first + AT_ONCE]))
    _safely("notices to people", partial(notices.tell_again, world))


def tell_run(world: World, name: str) -> None:
    """Tell what is not told yet of a run; never raises, for the run goes on whatever becomes of a notice."""
    _safely(f"events of {name}", partial(_run, Courier(world), name, ()))


def _run(courier: Courier, name: str, markers: Sequence[Entry]) -> None:
    """Tell of a run. markers: those of it that were found in the outbox."""
    world = courier.world
    try:
        held = Ledger(world.ledger).load(name)
    except Missing:
        _forget_old(world, markers)
        return  # its document is on the way, or nothing came of it
    told, changes = held.run.told, len(held.run.history)
    fresh = events.of_run(held.run, world.installation)[told:]
    if fresh:
        try:
            courier.bring(fresh)
        except Exception:
            _hear(world, held, fresh, told)
            raise
        if not _hear(world, held, fresh, changes):
            return  # somebody goes on with it: its marker stays, and the same ids are told again
    # The marker of a change that is just being written stays; after a day nothing came of that change.
    late = {marker.name for marker in markers if world.now() - marker.modified > DAY}
    done = {marker.name for marker in markers if _of(marker.name)[1] <= changes} | late
    for marker in sorted(done | {untold(name, count) for count in range(told + 1, changes + 1)}):
        world.ledger.delete(marker)


def _hear(world: World, held: Held, fresh: Sequence[Event], told: int) -> bool:
    """Tell people what they have not heard of, and write down how far they and the topic have been told.

    False where somebody else wrote meanwhile: then what has begun is told by the timer.
    """
    run, changes = held.run, len(held.run.history)
    begun = notices.begin(world, _channels(run), fresh[max(run.heard - run.told, 0) :])
    if begun or told != run.told:
        try:
            Ledger(world.ledger).save(held, replace(run, told=told, heard=changes))
        except Changed:
            return False
        notices.tell(world, begun)
    return True


def _of(marker: str) -> tuple[str, int]:
    """Read a marker's run and the number of its change; 0 where an earlier Droptune wrote it."""
    name, _, count = marker.removeprefix(RUNS).partition("+")
    return name, int(count) if count.isdecimal() else 0


def _forget_old(world: World, markers: Sequence[Entry]) -> None:
    for marker in markers:
        if world.now() - marker.modified > DAY:
            world.ledger.delete(marker.name)


def _sweep(courier: Courier, waiting: Sequence[Entry]) -> None:
    """Tell of a sweep. waiting: its events in the outbox."""
    world, books = courier.world, Books(courier.world, Ledger(courier.world.ledger))
    heard = {entry.name for entry in waiting if entry.metadata == HEARD}
    told = list(read(world, (entry.name for entry in waiting)))
    unheard = [event for event in told if f"{SWEEPS}{event.sequence}" not in heard]
    try:
        if told:
            courier.bring(told)
    except Exception:
        _hear_of_sweep(world, books, unheard)
        raise
    for event in told:
        begun = _begin(world, books, event) if event in unheard else []
        world.ledger.put(f"{TOLD}{event.sequence}", msgspec.json.encode(event))
        world.ledger.delete(f"{SWEEPS}{event.sequence}")
        notices.tell(world, begun)


def _hear_of_sweep(world: World, books: Books, unheard: Sequence[Event]) -> None:
    """Tell people of events that the topic did not take, and mark those; what is gone another told."""
    for event in unheard:
        name = f"{SWEEPS}{event.sequence}"
        with suppress(Missing, Changed):
            stored = world.ledger.read(name)
            begun = _begin(world, books, event)
            world.ledger.replace(name, stored.data, stored.etag, HEARD)
            notices.tell(world, begun)


def _begin(world: World, books: Books, event: Event) -> list[str]:
    """Write down what people are to hear of a sweep's event, by its recipe."""
    recipe = books.recipe(event.data.get("recipe") or "", event.data.get("run"))
    return notices.begin(world, recipe.notify.to, [event])


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
