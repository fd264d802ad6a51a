"""Our own requests to endpoints (tests, `ask`): written down beforehand, so that they are nobody's use."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.domain.idle import LONGEST_WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.ports import Entry, World

STAMP = "%Y%m%d%H%M"
MOST_FORGOTTEN = 200  # a sweep is for other things

Counts = dict[str, dict[str, Counter[datetime]]]


def note(world: World, endpoint: str, deployment: str) -> None:
    """Write down one request that is about to be made."""
    stamp = world.now().strftime(STAMP)
    world.ledger.put(f"sweep/own/{endpoint}/{stamp}-{deployment}-{world.new_id()}", b"")


def read(world: World, endpoint: str | None = None) -> Counts:
    """Count the requests written down, by endpoint, deployment and minute: of one endpoint or of all."""
    found: Counts = {}
    for entry in world.ledger.names(f"sweep/own/{endpoint}/" if endpoint else "sweep/own/"):
        with suppress(ValueError):  # what is no note of ours says nothing
            name, deployment, at = _read(entry)
            found.setdefault(name, {}).setdefault(deployment, Counter())[at] += 1
    return found


def of(counts: Counts, endpoint: str, deployment: str) -> Mapping[datetime, float]:
    """Give one deployment's counts by minute."""
    return {at: float(n) for at, n in counts.get(endpoint, {}).get(deployment, Counter()).items()}


def forget(world: World, endpoint: str) -> None:
    """Delete what was written down about an endpoint that is gone."""
    for entry in list(world.ledger.names(f"sweep/own/{endpoint}/")):
        world.ledger.delete(entry.name)


def forget_old(world: World) -> None:
    """Delete some of what is older than any window that is looked at."""
    before = world.now() - 2 * LONGEST_WINDOW
    for entry in list(_older(world, before)):
        world.ledger.delete(entry.name)


def _older(world: World, before: datetime) -> Iterator[Entry]:
    count = 0
    for entry in world.ledger.names("sweep/own/"):
        with suppress(ValueError):
            if _read(entry)[2] < before and count < MOST_FORGOTTEN:
                count += 1
                yield entry


def _read(entry: Entry) -> tuple[str, str, datetime]:
    endpoint, _, note_ = entry.name.removeprefix("sweep/own/").rpartition("/")
    stamp, deployment = note_.split("-", 1)
    at = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    return endpoint, deployment.rpartition("-")[0], at
