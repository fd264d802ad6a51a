"""Which registered model versions are no longer kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.run import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.domain.lane import Lane
    from shared.domain.run import Run

# What serves, or may serve again without being trained anew, is neither of these.
OVER = frozenset({State.RETIRED, State.FAILED, State.CANCELLED})


def outdated(runs: Sequence[Run], lane: Lane, keep: int) -> list[Run]:
    """Choose the runs whose model goes: older than the `keep` newest, over, and not named by the lane.

    runs: of one recipe, newest drop first.
    """
    named = {holder.place.run for holder in (lane.champion, lane.previous) if holder} | lane.named()
    registered = [run for run in runs if run.model and run.model_version and not run.model_gone]
    return [run for run in registered[keep:] if run.state in OVER and run.name not in named]
