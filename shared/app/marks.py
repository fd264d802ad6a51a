"""Marks: what is about to go is marked first, and goes when its grace is over and it is still stale."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from shared.domain.errors import Missing
from shared.domain.sweep import TAKEN, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.sweep import EndpointFacts
    from shared.ports import World

NAME = "sweep/marks.json"


def with_grace(
    world: World, verdicts: list[Verdict], facts: Mapping[str, EndpointFacts], now: datetime, *, dry_run: bool
) -> list[Verdict]:
    """Turn `take` into `mark` where the grace is not over yet; a mark that no longer holds is taken away."""
    marks = _read(world)
    after: dict[str, datetime] = {}
    given: list[Verdict] = []
    for verdict in verdicts:
        if verdict.action != TAKEN:
            given.append(verdict)
            continue
        since = after[verdict.key] = marks.get(verdict.key, now)
        grace = timedelta(hours=facts[verdict.endpoint].recipe.cost.grace_hours)
        # A failed deployment serves nobody: it waits for no one.
        over = verdict.rule == "failed" or now - since >= grace
        given.append(verdict if over else _marked(verdict, since + grace))
    if after != marks and not dry_run:
        world.ledger.put(NAME, msgspec.json.encode(after))
    return given


def _marked(verdict: Verdict, goes: datetime) -> Verdict:
    return replace(verdict, action="mark", reason=f"{verdict.reason}; goes after {goes:%F %T} UTC")


def _read(world: World) -> dict[str, datetime]:
    try:
        return msgspec.json.decode(world.ledger.read(NAME).data, type=dict[str, datetime])
    except Missing:
        return {}
