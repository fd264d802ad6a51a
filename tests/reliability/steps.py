"""The ways between a run's states, as docs/architecture.md draws them, written down a second time.

A witness beside `shared.domain.lifecycle`: forward, the ends, and the few steps back that there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.run import State

if TYPE_CHECKING:
    from collections.abc import Mapping

FROM_ANYWHERE = frozenset({State.FAILED, State.CANCELLED, State.SUPERSEDED})
WAYS: Mapping[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.VALIDATING, State.REJECTED}),
    State.VALIDATING: frozenset({State.REJECTED, State.UNCHANGED, State.AWAITING_APPROVAL, State.QUEUED}),
    State.AWAITING_APPROVAL: frozenset({State.QUEUED, State.REGISTERING}),
    State.QUEUED: frozenset({State.TRAINING}),
    State.TRAINING: frozenset({State.TRAINING, State.AWAITING_APPROVAL, State.REGISTERING}),
    State.REGISTERING: frozenset({State.DEPLOYING}),
    State.DEPLOYING: frozenset({State.TESTING}),
    State.TESTING: frozenset({State.PROMOTING}),
    State.PROMOTING: frozenset({State.PROMOTING, State.LIVE}),
}
RETRIED = frozenset(
    {
        State.RECEIVED,
        State.VALIDATING,
        State.AWAITING_APPROVAL,
        State.QUEUED,
        State.REGISTERING,
        State.DEPLOYING,
    }
)
AFTER_ENDS: Mapping[State, frozenset[State]] = {
    State.LIVE: frozenset({State.SUPERSEDED, State.RETIRED}),
    State.SUPERSEDED: frozenset({State.RETIRED, State.LIVE}),  # rolled back to
    State.RETIRED: frozenset({State.DEPLOYING}),  # revived
    State.FAILED: RETRIED,
    State.REJECTED: frozenset(),
    State.UNCHANGED: frozenset(),
    State.CANCELLED: frozenset(),
}
STEPS: Mapping[State, frozenset[State]] = {
    **{state: ways | FROM_ANYWHERE for state, ways in WAYS.items()},
    **AFTER_ENDS,
}
