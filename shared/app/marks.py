"""Marks: what is about to go is marked first, and goes when its grace is over and it is still stale.

runs/sweep/marks.json holds them, by endpoint and deployment, and since when endpoints have been empty.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.domain import quiet
from shared.domain.errors import AlreadyThere, Changed, Missing
from shared.domain.sweep import LATER, MARKED, TAKEN

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from shared.domain.sweep import EndpointFacts, Verdict
    from shared.ports import World

log = logging.getLogger(__name__)
NAME = "sweep/marks.json"
# What serves nobody and has no traffic, and what people named the day of: its time was known beforehand.
AT_ONCE = frozenset({"failed", "expired", "previous-past-its-time", "superseded", "run-over"})
OPEN = frozenset({"unknown", "no-heartbeat"})  # nothing proves that a mark no longer holds


class Book(msgspec.Struct, frozen=True):
    """The document: since when each thing is marked, since when each endpoint is empty, and its version."""

    marks: dict[str, datetime] = {}
    empty: dict[str, datetime] = {}
    etag: str | None = None


BOOKS: msgspec.json.Decoder[Book] = msgspec.json.Decoder(Book)  # as in shared.app.ledger


def read(world: World) -> Book:
    """Read the marks; none where there is no document yet, or one that cannot be read: grace begins anew."""
    try:
        stored = world.ledger.read(NAME)
        return replace(BOOKS.decode(stored.data), etag=stored.etag)
    except Missing:
        return Book()
    except msgspec.DecodeError as fault:
        log.warning("sweep: the marks cannot be read, grace begins anew: %s", fault)
        return Book(etag=stored.etag)


def with_grace(
    book: Book, verdicts: list[Verdict], facts: Mapping[str, EndpointFacts], now: datetime
) -> list[Verdict]:
    """Turn `take` into `mark` where the grace is not over yet, into `later` in the recipe's quiet hours."""
    return [_in_time(book, one, facts[one.endpoint], now) if one.action == TAKEN else one for one in verdicts]


def _in_time(book: Book, verdict: Verdict, found: EndpointFacts, now: datetime) -> Verdict:
    cost = found.recipe.cost
    goes = book.marks.get(verdict.key, now) + timedelta(hours=cost.grace_hours)
    if verdict.rule not in AT_ONCE and now < goes:
        keep = f"to keep it: droptune keep {verdict.key.rstrip('/')} --until DATE --reason TEXT"
        return verdict.but(MARKED, f"goes after {goes:%F %T} UTC; {keep}")
    ends = quiet.until(cost.quiet_hours, now)
    return verdict if ends is None else verdict.but(LATER, f"quiet hours until {ends:%F %T} UTC")


def after(
    book: Book,
    verdicts: list[Verdict],
    facts: Mapping[str, EndpointFacts],
    unseen: Collection[str],
    now: datetime,
) -> Book:
    """Give the marks that follow: new ones, those that still hold, those of endpoints left unseen."""
    marks = {key: at for key, at in book.marks.items() if key.partition("/")[0] in unseen}
    empty = {name: at for name, at in book.empty.items() if name in unseen}
    for one in verdicts:
        if one.action in {TAKEN, MARKED, LATER}:
            marks[one.key] = book.marks.get(one.key, now)
        elif one.rule in OPEN and one.key in book.marks:
            marks[one.key] = book.marks[one.key]
    for name, found in facts.items():
        if found.ours and not found.deployments:
            empty[name] = book.empty.get(name, now)
    return replace(book, marks=marks, empty=empty)


def write(world: World, before: Book, book: Book) -> bool:
    """Write the marks where they changed; another sweep's, written meanwhile, stay: then it tells False."""
    if (book.marks, book.empty) == (before.marks, before.empty):
        return True
    data = msgspec.json.encode(replace(book, etag=None))
    try:
        if before.etag is None:
            world.ledger.create(NAME, data)
        else:
            world.ledger.replace(NAME, data, before.etag)
    except (Changed, AlreadyThere):
        log.warning("sweep: another sweep wrote the marks meanwhile; its marks count")
        return False
    return True
