"""What the sweep looks at: every endpoint with its deployments, their use and their price.

One listing for all endpoints, one call for each endpoint's deployments, one for its requests, and a
heartbeat of what was found quiet alone. Eight look at a time; an endpoint's figures are judged and let go
before the next, for a month of minutes is much.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shared.app import looking, own_requests
from shared.app.books import Books
from shared.domain import sweep_rules
from shared.domain.errors import DroptuneError, Missing, Transient
from shared.domain.idle import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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
    found, books = Survey(), Books(world, ledger)
    eye = looking.Eye(world, ledger, books, agreed_installation(world), own_requests.read(world))

    def one(endpoint: Endpoint) -> tuple[EndpointFacts, list[Verdict]] | DroptuneError:
        try:
            facts = patiently(lambda: eye.look(endpoint, empty.get(endpoint.name)))
        except DroptuneError as error:
            log.warning("sweep: %s cannot be looked at: %s", endpoint.name, error.problem.code)
            return error
        return slim(facts), sweep_rules.judge(facts, world.now())

    with ThreadPoolExecutor(AT_ONCE, "look") as pool:
        endpoints = list(world.endpoints.all())
        for endpoint, seen in zip(endpoints, pool.map(one, endpoints), strict=True):
            if isinstance(seen, DroptuneError):
                found.errors[endpoint.name] = seen
            else:
                found.facts[endpoint.name] = seen[0]
                found.verdicts += seen[1]
    if found.errors and not found.facts:
        raise next(iter(found.errors.values()))
    return found


def look_afresh(world: World, ledger: Ledger, name: str, empty_since: datetime | None) -> EndpointFacts:
    """Look at one endpoint right before a deed; raises Missing where it is gone."""
    endpoint = world.endpoints.find(name)
    own = own_requests.read(world, name)
    eye = looking.Eye(world, ledger, Books(world, ledger), agreed_installation(world), own)
    return eye.look(endpoint, empty_since)


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


def slim(facts: EndpointFacts) -> EndpointFacts:
    """Let the figures of use go."""
    nothing = Traffic(known=False)
    return replace(facts, deployments=tuple(replace(one, traffic=nothing) for one in facts.deployments))
