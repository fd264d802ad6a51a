"""Look at one recipe of an installation through the app's own ports, and judge it by the invariants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.reliability.installation import made, seen
from tests.reliability.invariants import broken

if TYPE_CHECKING:
    from shared.ports import World


def look(world: World, path: str) -> dict[str, Any]:
    """Give the state of a drop's run, what is broken and what was made; then take its endpoint away."""
    found = seen(world, recipe=path.split("/", 1)[0])
    for endpoint in found.endpoints:
        world.endpoints.delete(endpoint.name)
    states = [str(run.state) for run in found.runs.values()]
    return {"state": " ".join(states), "broken": [str(one) for one in broken(found)], "made": made(found)}
