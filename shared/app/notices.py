"""Tell people, and try again where a channel does not take it: some times, at growing distances.

runs/outbox/people/<hash>          a notice under way; its due time in the metadata
runs/notices/undelivered/<time>-…  one that was given up, without its text: `droptune doctor` tells of it
A notice is written down before it is told. So it may come twice after a crash, and never gets lost.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.domain import events, notice
from shared.domain.errors import Changed, Missing
from shared.domain.names import short_digest
from shared.domain.notice import Notice, Undelivered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shared.domain.events import Event
    from shared.ports import World

log = logging.getLogger(__name__)
WAITING, GIVEN_UP = "outbox/people/", "notices/undelivered/"
DUE = "due"
NOTICES: msgspec.json.Decoder[Notice] = msgspec.json.Decoder(Notice)  # as in shared.app.ledger
UNDELIVERED: msgspec.json.Decoder[Undelivered] = msgspec.json.Decoder(Undelivered)


def begin(world: World, channels: Sequence[str], told: Iterable[Event]) -> list[str]:
    """Write down what people are to hear of these events; gives the notices' names."""
    names = []
    for event in told if channels else ():
        if events.is_loud(event):
            one = notice.first(event.id, *events.in_words(event), channels, world.now())
            names.append(f"{WAITING}{short_digest(event.id, length=32)}")
            world.ledger.put(names[-1], msgspec.json.encode(one), _due(one))
    return names


def tell(world: World, names: Iterable[str]) -> None:
    """Tell what has begun; what a channel does not take waits for the next try."""
    for name in names:
        try:
            stored = world.ledger.read(name)
        except Missing:
            continue  # somebody else told it
        _tell(world, name, NOTICES.decode(stored.data))


def tell_again(world: World) -> None:
    """Begin the next try of each notice that is due; of several tellers one begins it."""
    for entry in list(world.ledger.names(WAITING)):
        if datetime.fromisoformat(entry.metadata[DUE]) > world.now():
            continue
        try:
            stored = world.ledger.read(entry.name)
            one = notice.again(NOTICES.decode(stored.data), world.now())
            world.ledger.replace(entry.name, msgspec.json.encode(one), stored.etag, _due(one))
        except (Missing, Changed):
            continue
        _tell(world, entry.name, one)


def undelivered(world: World, since: datetime) -> Iterator[Undelivered]:
    """Read what was given up since then."""
    for entry in world.ledger.names(GIVEN_UP):
        if entry.modified >= since:
            yield UNDELIVERED.decode(world.ledger.read(entry.name).data)


def _tell(world: World, name: str, one: Notice) -> None:
    faults = _faults(world, one)
    _forget_given_up(world, set(one.channels) - faults.keys())
    for channel, why in faults.items():
        log.warning("notice %s, try %d, %s: %s", one.event, one.tries, channel, why)
    if faults and not one.last:
        left = replace(one, channels=tuple(faults))
        world.ledger.put(name, msgspec.json.encode(left), _due(left))
        return
    if faults:
        lost = Undelivered(world.now(), one.event, one.title, dict(faults))
        stamp = f"{int(lost.at.timestamp() * 1000):015}"
        world.ledger.put(f"{GIVEN_UP}{stamp}-{short_digest(one.event)}", msgspec.json.encode(lost))
        log.error("notice %s is given up after %d tries: %s", one.event, one.tries, ", ".join(faults))
    world.ledger.delete(name)


def _forget_given_up(world: World, working: set[str]) -> None:
    """Forget what was given up of channels that work again: they need no doctor."""
    for entry in list(world.ledger.names(GIVEN_UP)) if working else ():
        if set(UNDELIVERED.decode(world.ledger.read(entry.name).data).channels) <= working:
            world.ledger.delete(entry.name)


def _faults(world: World, one: Notice) -> Mapping[str, str]:
    try:
        return world.people.tell(one.channels, one.title, one.text)
    except Exception as error:
        log.exception("notice %s", one.event)
        return dict.fromkeys(one.channels, f"telling failed ({type(error).__name__})")


def _due(one: Notice) -> dict[str, str]:
    return {DUE: one.due.isoformat()}
