"""People's say in the sweep: keep a thing, stop keeping it, take an endpoint into Droptune's care."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared.app.inventory import agreed_installation
from shared.app.ledger import Ledger
from shared.domain.errors import Missing, Permanent, Transient
from shared.domain.people_tags import date
from shared.domain.tags import ADOPTED, EXPIRES, INSTALLATION, KEEP

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.ports import Deployment, Endpoint, World

SEEN_WITHIN, LOOKS = 20.0, 1.0
LONGEST = 256  # a tag's value, by Azure's rules
SEE = "See what there is: droptune endpoints"


def keep(world: World, name: str, until: str | None, reason: str) -> datetime | None:
    """Tag `name` (an endpoint, endpoint/deployment, or a recipe's name) so that no sweep takes it.

    Gives the end of it in UTC, None: for ever. Raises Permanent where the date or the name is wrong.
    """
    ends = date(until) if until else None
    if until and (ends is None or ends <= world.now()):
        what = "past" if ends else "no date"
        raise Permanent("keep-date", f"{until!r} is {what}.", "Name a day to come: --until 2027-01-31")
    if not reason.strip() or len(reason) > LONGEST:
        found = f"{len(reason)} characters"
        raise Permanent(
            "keep-reason", f"A reason has 1 to {LONGEST} characters; found {found}.", "--reason TEXT"
        )
    endpoint, deployment = _find(world, name)
    tags = _without(_tags(endpoint, deployment), KEEP, EXPIRES) | {KEEP: reason.strip()}
    _tag(world, endpoint, deployment, tags | ({EXPIRES: ends.isoformat()} if ends else {}))
    return ends


def unkeep(world: World, name: str) -> None:
    """Take people's tags off again; the rules decide from now on."""
    endpoint, deployment = _find(world, name)
    _tag(world, endpoint, deployment, _without(_tags(endpoint, deployment), KEEP, EXPIRES))


def adopt(world: World, name: str, by: str) -> list[str]:
    """Tag an endpoint and its deployments as this installation's, so that the sweep minds them.

    Gives the deployments' names. Raises Permanent where another installation has it.
    """
    mine = agreed_installation(world)
    if mine is None:
        raise Permanent(
            "installation-disagrees",
            f"The ledger belongs to another installation than {world.installation!r}, or to none yet.",
            "Set DROPTUNE_INSTALLATION to what the ledger says, then: droptune adopt " + name,
        )
    endpoint, _ = _find(world, name)
    found = world.endpoints.deployments(endpoint.name)
    theirs = {tags.get(INSTALLATION) for tags in (endpoint.tags, *(d.tags for d in found))} - {None, mine}
    if theirs:
        what = f"{name} belongs to the installation {', '.join(sorted(map(str, theirs)))}."
        raise Permanent("adopt-theirs", what, "Ask its owners, or take their tag off in the portal. " + SEE)
    put = {INSTALLATION: mine, ADOPTED: by[:LONGEST]}
    for deployment in found:
        _tag(world, endpoint, deployment, {**deployment.tags, **put})
    _tag(world, endpoint, None, {**endpoint.tags, **put})
    return [deployment.name for deployment in found]


def _find(world: World, name: str) -> tuple[Endpoint, Deployment | None]:
    """Find what a person names; a recipe's name means its endpoint."""
    first, _, deployment = name.partition("/")
    wanted = Ledger(world.ledger).lane(first).lane.endpoint or first
    try:
        endpoint = world.endpoints.find(wanted)
        return endpoint, world.endpoints.deployment(wanted, deployment) if deployment else None
    except (Missing, Permanent) as fault:
        if not isinstance(fault, Missing) and fault.problem.code != "endpoint-name":
            raise  # what cannot name an endpoint names none
        raise Permanent(
            "endpoint-missing", f"There is no endpoint, deployment or recipe {name!r}.", SEE
        ) from fault


def _tags(endpoint: Endpoint, deployment: Deployment | None) -> Mapping[str, str]:
    return endpoint.tags if deployment is None else deployment.tags


def _without(tags: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in tags.items() if name.lower() not in names}


def _tag(world: World, endpoint: Endpoint, deployment: Deployment | None, tags: Mapping[str, str]) -> None:
    """Write the tags, and look until they are there: what a person was told is true."""
    below = deployment.name if deployment else None
    world.endpoints.tag(endpoint.name, tags, below)
    until = time.monotonic() + SEEN_WITHIN
    while dict(_now(world, endpoint.name, below)) != dict(tags):
        if time.monotonic() > until:
            what = f"{endpoint.name}{'/' + below if below else ''}"
            raise Transient("tags-slow", f"The tags of {what} are not there after {SEEN_WITHIN:.0f} s.", SEE)
        time.sleep(LOOKS)


def _now(world: World, endpoint: str, deployment: str | None) -> Mapping[str, str]:
    if deployment is None:
        return world.endpoints.find(endpoint).tags
    return world.endpoints.deployment(endpoint, deployment).tags
