"""Our own requests to endpoints (tests, `ask`): written down beforehand, so that they are nobody's use."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.ports import World

STAMP = "%Y%m%d%H%M"


def note(world: World, endpoint: str, deployment: str) -> None:
    """Write down one request that is about to be made."""
    stamp = world.now().strftime(STAMP)
    world.ledger.put(f"sweep/own/{endpoint}/{stamp}-{deployment}-{world.new_id()}", b"")


def read(world: World, endpoint: str) -> Mapping[str, Mapping[datetime, float]]:
    """Count the requests written down, by deployment and minute."""
    found: dict[str, Counter[datetime]] = {}
    for entry in world.ledger.names(f"sweep/own/{endpoint}/"):
        stamp, deployment, _unique = entry.name.rsplit("/", 1)[1].split("-", 2)
        at = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
        found.setdefault(deployment, Counter())[at] += 1
    return {name: {at: float(n) for at, n in counts.items()} for name, counts in found.items()}


def forget(world: World, endpoint: str) -> None:
    """Delete what was written down about an endpoint that is gone."""
    for entry in list(world.ledger.names(f"sweep/own/{endpoint}/")):
        world.ledger.delete(entry.name)
