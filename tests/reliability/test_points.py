"""Every point of every life, every kind of failure (see points.py)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from tests.reliability.points import cases, count, hurt
from tests.reliability.stories import STORIES

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS = 12
TOLD = 8


def parts() -> list[object]:
    """Cut each life's cases into parts; the first of each runs in every test run."""
    slow = pytest.mark.slow
    return [
        pytest.param(name, part, marks=[slow] if part else [], id=f"{name}-{part}".replace(" ", "-"))
        for name in STORIES
        for part in range(PARTS)
    ]


@pytest.mark.parametrize(("name", "part"), parts())
def test_whatever_fails_it_ends_as_it_must(
    name: str, part: int, record_property: Callable[[str, object], None]
) -> None:
    story = STORIES[name]
    life = count(story)
    outcomes = [hurt(story, life, fault) for fault in islice(cases(story, life), part, None, PARTS)]
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    record_property(
        "faults",
        {
            "life": name,
            "points": len(range(life.first, len(life.calls), story.every)),
            "cases": sum(bool(outcome.struck) for outcome in outcomes),
            "kinds": sorted({str(outcome.fault.kind) for outcome in outcomes}),
            "broken": len(wrong),
        },
    )
    told = "\n".join(str(outcome) for outcome in wrong[:TOLD])
    assert not wrong, f"{name}: {len(wrong)} of {len(outcomes)} cases:\n{told}"
