"""Which registered model versions are no longer kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain.run import State

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared.domain.lane import Lane, Place
    from shared.domain.run import Run

# What serves, or may serve again without being trained anew, is neither of these.
OVER = frozenset({State.RETIRED, State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Registered:
    """A run that has a model, and no more of it than the choice needs."""

    place: Place
    over: bool


def registered(run: Run) -> Registered | None:
    """See a run as one that has a model; None where it has none, or none any more."""
    if not run.model or not run.model_version or run.model_gone:
        return None
    return Registered(run.place, is_over(run))


def outdated(found: Collection[Registered], lane: Lane, keep: int) -> list[str]:
    """Choose the runs whose model goes: older than the `keep` newest, over, and not named by the lane.

    found: all of one recipe. Gives their names, the newest drop first.
    """
    named = {holder.place.run for holder in (lane.champion, lane.previous) if holder} | lane.named()
    newest_first = sorted(found, key=lambda one: one.place, reverse=True)
    return [one.place.run for one in newest_first[keep:] if one.over and one.place.run not in named]


def is_over(run: Run) -> bool:
    """Tell whether nothing brings it back; superseded, one that was live is the way back, or soon retired."""
    return run.state in OVER or is_passed_over(run)


def is_passed_over(run: Run) -> bool:
    """Tell whether a newer one took its place before it was ever live."""
    never_live = all(change.state is not State.LIVE for change in run.history)
    return run.state is State.SUPERSEDED and never_live
