"""What the sweep looks at: every endpoint with its deployments, their use and their price.

One listing for all endpoints, one call for each endpoint's deployments, and their use in batches
(`shared.app.use`). Eight look at a time; figures are judged and let go before the next are read.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.app import looking, own_requests, use
from shared.app.books import Books
from shared.domain import sweep_rules
from shared.domain.errors import DroptuneError, Missing, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor
    from datetime import datetime

    from shared.app.ledger import Ledger
    from shared.domain.sweep import EndpointFacts, Verdict
    from shared.ports import Endpoint, World

log = logging.getLogger(__name__)
AT_ONCE = 8
LONGEST_PAUSE = 30.0


@dataclass
class Survey:
    """What there is. facts: without the figures of use, which the verdicts name; errors: by endpoint."""

    facts: dict[str, EndpointFacts] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    errors: dict[str, DroptuneError] = field(default_factory=dict)


def survey(world: World, ledger: Ledger, empty: Mapping[str, datetime]) -> Survey:
    """Look at every endpoint of the workspace and judge it. empty: since when each was found empty.

    What cannot be looked at stands in `errors` and is left alone; raises where that is so of all of them.
    """
    found = Survey()
    eye = looking.Eye(world, ledger, Books(world, ledger), agreed_installation(world))
    with ThreadPoolExecutor(AT_ONCE, "look") as pool:
        _look(pool, eye, found, empty)
        _judge(pool, world, found)
    if found.errors and not found.facts:
        raise next(iter(found.errors.values()))
    return found


def _look(pool: Executor, eye: looking.Eye, found: Survey, empty: Mapping[str, datetime]) -> None:
    def one(endpoint: Endpoint) -> EndpointFacts | DroptuneError | None:
        try:
            return patiently(lambda: eye.look(endpoint, empty.get(endpoint.name)))
        except DroptuneError as error:
            if isinstance(error, Missing) and _gone(eye.world, endpoint.name):
                return None
            log.warning("sweep: %s cannot be looked at: %s", endpoint.name, error.problem.code)
            return error

    endpoints = list(eye.world.endpoints.all())
    for endpoint, seen in zip(endpoints, pool.map(one, endpoints), strict=True):
        if isinstance(seen, DroptuneError):
            found.errors[endpoint.name] = seen
        elif seen is not None:
            found.facts[endpoint.name] = seen


def _gone(world: World, endpoint: str) -> bool:
    """Tell whether it went after it was listed; what else is missing is no reason to say nothing of it."""
    try:
        world.endpoints.find(endpoint)
    except DroptuneError as error:
        return isinstance(error, Missing)
    return False


def _judge(pool: Executor, world: World, found: Survey) -> None:
    own = own_requests.read(world)
    by_use = [facts for facts in found.facts.values() if use.asked(facts, world.now())]
    names = {facts.name for facts in by_use}

    def judged(some: list[EndpointFacts]) -> list[Verdict]:
        read = use.read(world, own, some)
        return [verdict for facts in read for verdict in sweep_rules.judge(facts, world.now())]

    for facts in found.facts.values():
        found.verdicts += [] if facts.name in names else sweep_rules.judge(facts, world.now())
    for verdicts in pool.map(judged, use.batches(by_use)):
        found.verdicts += verdicts


def look_afresh(world: World, ledger: Ledger, name: str, empty_since: datetime | None) -> EndpointFacts:
    """Look at one endpoint right before a deed; raises Missing where it is gone."""
    endpoint = world.endpoints.find(name)
    eye = looking.Eye(world, ledger, Books(world, ledger), agreed_installation(world))
    facts = eye.look(endpoint, empty_since)
    if not use.asked(facts, world.now()):
        return facts
    return use.read(world, own_requests.read(world, name), [facts])[0]


def agreed_installation(world: World) -> str | None:
    """Give the installation's id where setting and ledger agree; None: nothing counts as ours."""
    try:
        written = world.ledger.read("installation").data.decode()
    except Missing:
        return None
    return written if written == world.installation else None


def patiently(look: Callable[[], EndpointFacts]) -> EndpointFacts:
    """Look, and once again where the other side asked for a pause that it can be given."""
    try:
        return look()
    except Transient as busy:
        if busy.retry_after is None or busy.retry_after > LONGEST_PAUSE:
            raise
        time.sleep(busy.retry_after)
    return look()
