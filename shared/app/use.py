"""What deployments are used for: figures of several endpoints in one go, where use decides.

Requests first, then the heartbeat of those found quiet. How much is read in one go is bounded by points,
for a month of minutes is much: figures are judged and let go before the next are read.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.app import own_requests
from shared.domain import idle, sweep_rules
from shared.domain.errors import DroptuneError
from shared.domain.idle import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from shared.app.own_requests import Counts
    from shared.domain.sweep import EndpointFacts
    from shared.ports import World

    Requests = Mapping[str, Mapping[str, Mapping[datetime, float]]]
    Beats = Mapping[tuple[str, str], Sequence[datetime]]

MARGIN = timedelta(minutes=2)  # a window ends with a whole minute
POINTS = 40_000
LEAST = 2  # so that requests and heartbeats together are one call an endpoint at most


def asked(facts: EndpointFacts, now: datetime) -> list[str]:
    """Name the deployments on which use decides."""
    if not facts.ours or _window(facts) > idle.LONGEST_WINDOW:
        return []
    return [one.name for one in facts.deployments if sweep_rules.asks_figures(facts, one, now)]


def batches(some: Iterable[EndpointFacts]) -> list[list[EndpointFacts]]:
    """Put endpoints together whose windows are alike, as many as fit into POINTS, but LEAST at least."""
    found: list[list[EndpointFacts]] = []
    room = 0
    for facts in sorted(some, key=_window):
        points = len(facts.deployments) * int(_window(facts) / idle.MINUTE)
        alike = bool(found) and _window(found[-1][0]) == _window(facts)
        if alike and (points <= room or len(found[-1]) < LEAST):
            found[-1].append(facts)
        else:
            found.append([facts])
            room = POINTS
        room -= points
    return found


def read(world: World, own: Counts, some: Sequence[EndpointFacts]) -> list[EndpointFacts]:
    """Read the use of a batch; what cannot be read is unknown."""
    now, window = world.now(), _window(some[0])
    since = now - window - MARGIN
    requests = _requests(world, [facts.name for facts in some], since, now)
    used = {
        (facts.name, name): Traffic(
            known=True,
            requests=requests[facts.name].get(name, {}),
            own=own_requests.of(own, facts.name, name),
        )
        for facts in some
        if facts.name in requests
        for name in asked(facts, now)
    }
    quiet = [key for key, traffic in used.items() if _quiet(traffic, now, window)]
    beats = _heartbeats(world, quiet, since, now) if quiet else {}
    known = {key: traffic for key, traffic in used.items() if key not in quiet}
    known |= {key: replace(used[key], heartbeat=beats[key]) for key in quiet if key in beats}
    return [_with(facts, known) for facts in some]


def _with(facts: EndpointFacts, known: Mapping[tuple[str, str], Traffic]) -> EndpointFacts:
    read_ = [
        replace(one, traffic=known.get((facts.name, one.name), one.traffic)) for one in facts.deployments
    ]
    return replace(facts, deployments=tuple(read_))


def _quiet(traffic: Traffic, now: datetime, window: timedelta) -> bool:
    last = traffic.last_foreign()
    return last is None or now - last >= window


def _window(facts: EndpointFacts) -> timedelta:
    return timedelta(hours=facts.recipe.cost.idle_hours)


def _requests(world: World, endpoints: Sequence[str], since: datetime, now: datetime) -> Requests:
    try:
        return world.monitor.requests(endpoints, since, now)
    except DroptuneError:
        return {}


def _heartbeats(
    world: World, deployments: Sequence[tuple[str, str]], since: datetime, now: datetime
) -> Beats:
    try:
        return world.monitor.heartbeats(deployments, since, now)
    except DroptuneError:
        return {}
