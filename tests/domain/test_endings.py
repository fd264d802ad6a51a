"""Which runs an endpoint's end belongs to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from shared.domain.endings import EndpointEnd, with_end
from shared.domain.run import State, moved
from tests.domain import builders
from tests.domain.builders import NOON

if TYPE_CHECKING:
    from shared.domain.run import Run

HOUR = timedelta(hours=1)


def stood(*states: State, endpoint: str = "support-1") -> Run:
    """Give a run that came to a state each hour."""
    run = replace(builders.run(), endpoint=endpoint)
    for hours, state in enumerate(states, 1):
        run = moved(run, state, f"to {state}", NOON + hours * HOUR)
    return run


def end(hours: float) -> EndpointEnd:
    return EndpointEnd("support-1", NOON + hours * HOUR, "empty", "no deployment for 15.0 days")


@pytest.mark.parametrize(
    ("run", "hours"),
    [
        (stood(State.DEPLOYING, State.RETIRED, endpoint="support-2"), 9),
        (stood(State.VALIDATING, State.REJECTED), 9),
        (stood(State.DEPLOYING, State.TESTING), 9),
        (stood(State.DEPLOYING, State.LIVE, State.RETIRED), 0.5),
        (stood(State.DEPLOYING, State.RETIRED, State.DEPLOYING, State.LIVE), 2.5),
    ],
)
def test_an_end_that_is_none_of_the_run_s_is_not_in_its_record(run: Run, hours: float) -> None:
    assert with_end(run, end(hours)) is run


def test_an_end_is_written_once_and_of_two_the_one_after_the_deployment() -> None:
    run = with_end(stood(State.DEPLOYING, State.LIVE, State.RETIRED), end(4))
    assert run.endpoint_ends == (end(4),)
    assert with_end(run, end(4)) is run
    assert with_end(run, end(9)) is run
    back = moved(moved(run, State.DEPLOYING, "back", NOON + 5 * HOUR), State.RETIRED, "over", NOON + 6 * HOUR)
    assert with_end(back, end(9)).endpoint_ends == (end(4), end(9))
