"""What Azure Monitor tells of a rollout's step: requests, errors and latency, without our own requests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shared.app import own_requests
from shared.domain.errors import DroptuneError
from shared.domain.rollout import MINUTE, Figures
from shared.domain.rollout import figures as added_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.run import Run
    from shared.ports import World

log = logging.getLogger(__name__)


def figures(world: World, run: Run) -> Mapping[str, Figures]:
    """Read the figures of the step under way by deployment; none where they cannot be read."""
    state = run.rollout
    if state is None or state.since is None or state.held is not None or run.endpoint is None:
        return {}
    names = {*state.asked.traffic, *state.asked.mirror}
    since, now = state.since - MINUTE, world.now()
    try:
        outcomes = world.monitor.outcomes(run.endpoint, since, now)
        latency = world.monitor.latency(run.endpoint, since, now)
    except DroptuneError as error:
        log.warning("run %s: no figures of its rollout: %s", run.name, error.problem.code)
        return {}
    own = own_requests.read(world, run.endpoint)
    return {
        name: added_up(
            outcomes.get(name, {}),
            latency.get(name, {}),
            own_requests.of(own, run.endpoint, name),
            state.since,
        )
        for name in names
    }
