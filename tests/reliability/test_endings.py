"""A sweep that takes a hibernated endpoint fails at any call: the run's record tells the end all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app.sweep import sweep
from tests.app.test_sweep import SHORT, pass_hours, served
from tests.reliability.invariants import broken
from tests.reliability.kinds import BY_NAME
from tests.reliability.outside import Outside
from tests.reliability.tap import Fault

HIBERNATED = SHORT.replace("delete", "hibernate")
LATER = timedelta(minutes=15)


def swept(fault: Fault | None) -> tuple[Outside, list[str]]:
    """Let the endpoint's days pass and sweep, then as the timer does for an hour; give what is wrong."""
    outside = Outside(fault)
    life = outside.life
    run = served(life, HIBERNATED)
    pass_hours(life, run, 2)
    for _ in range(2):
        sweep(life.world, dry_run=False)
    life.at += timedelta(days=1)
    outside.process(lambda world: sweep(world, dry_run=False))
    for _ in range(4):
        life.at += LATER
        sweep(life.world, dry_run=False)
    after = life.run(run.name)
    ends = [(end.endpoint, end.rule) for end in after.endpoint_ends]
    wrong = [] if ends == [(run.endpoint, "empty")] else [f"its ends are {ends}"]
    wrong += [str(one) for one in broken(outside.seen(settled=True))]
    return outside, wrong


@pytest.mark.parametrize("kind", ["answer lost", "killed before", "killed after"])
def test_the_end_is_written_once_whatever_fails(kind: str) -> None:
    alone, wrong = swept(None)
    calls = alone.tap.calls
    assert wrong == []
    deeds = range(calls.index("endpoints.delete") - 1, calls.index("computes.all"))  # the note comes before
    points = [point for point in deeds if calls[point] != calls[point - 1]]  # of a row of the same, the first
    struck = 0
    for point in points:
        outside, told = swept(Fault(point, BY_NAME[kind]))
        struck += outside.tap.struck
        wrong += [f"call {point}, {calls[point]}: {one}" for one in told]
    assert wrong == []
    assert struck == len(points) >= 10
