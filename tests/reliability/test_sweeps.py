"""Two sweeps at once, at every step: the timer of another instance, or a person's `droptune sweep`.

A whole sweep comes between each two calls of another. Nothing is taken, told or counted twice, and nothing
that must go stays.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.app import saving
from shared.app.sweep import sweep
from tests.app.life import Life, chats
from tests.app.test_sweep import SHORT, pass_hours, served
from tests.reliability.invariants import broken
from tests.reliability.kinds import BY_NAME
from tests.reliability.outside import Outside
from tests.reliability.tap import Fault, Tap, tapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.reliability.kinds import Kind

HIBERNATED, MARKED = SHORT.replace("delete", "hibernate"), SHORT.replace("grace_hours: 0", "grace_hours: 24")


def idle(recipe: str) -> Callable[[Life], None]:
    return lambda life: pass_hours(life, served(life, recipe), 2)


def replaced(life: Life) -> None:
    """A newer model took the traffic, and the time of the previous deployment is over."""
    served(life, SHORT)
    pass_hours(life, life.live("support/b.jsonl", chats(topic="second")), 1.5)


CASES: dict[str, tuple[Callable[[Life], None], str]] = {
    "an endpoint goes": (idle(SHORT), "taken"),
    "a deployment goes": (idle(HIBERNATED), "taken"),
    "the previous one goes": (replaced, "taken"),
    "it is marked": (idle(MARKED), "marked"),
}


def swept(begin: Callable[[Life], None], point: int | None) -> tuple[Outside, Tap]:
    """Sweep once, with another whole sweep before that call; then a third, as the timer would."""
    outside = Outside()
    life = outside.life
    begin(life)
    tap = Tap(None if point is None else Fault(point, BY_NAME["crossed"]), life.now, lambda _seconds: None)

    def another(_kind: Kind) -> None:
        life.at += timedelta(seconds=1)
        sweep(life.world, dry_run=False)

    tap.meanwhile = another
    sweep(tapped(life.world, tap), dry_run=False)
    life.at += timedelta(seconds=1)
    sweep(life.world, dry_run=False)
    return outside, tap


def found(outside: Outside) -> dict[str, int]:
    """Count what sweeps told the topic, by id, and how many things they say they took."""
    life = outside.life
    told = {event.id: event.type for event in life.notices.topic.events if ".sweep." in event.type}
    return {
        **Counter(told.values()),
        "counted": saving.read(life.world)[0].taken,
        "reported": sum(count for _month, count, _usd in saving.by_month(life.world)),
    }


@pytest.mark.parametrize("case", CASES)
def test_another_sweep_at_any_call_of_a_sweep_doubles_nothing(case: str) -> None:
    begin, kind = CASES[case]
    taken = 1 if kind == "taken" else 0
    expected = {f"droptune.sweep.{kind}": 1, "counted": taken, "reported": taken}
    alone, tap = swept(begin, None)
    assert found(alone) == expected
    wrong = []
    for point, call in enumerate(tap.calls):
        outside, _tap = swept(begin, point)
        told = found(outside)
        if kind == "marked" and call == "documents.create":
            # The mark is told and not yet written: rather told twice than never.
            assert told.pop("droptune.sweep.marked") <= 2
            told["droptune.sweep.marked"] = 1
        if told != expected:
            wrong.append(f"call {point}, {call}: {told}")
        wrong += [f"call {point}, {call}: {one}" for one in broken(outside.seen(settled=True))]
    assert wrong == []
