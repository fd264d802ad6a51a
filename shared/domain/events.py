"""What happens, as CloudEvents 1.0 (docs/events.md). Derived, so that the same thing always has the same id.

A run's events are its history, one a change, in its order; a sweep's are its marks and deletions.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shared.domain.names import short_digest
from shared.domain.run import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.domain.run import Run
    from shared.domain.sweep import Verdict

VERSION = 1
STUCK = "droptune.run.stuck"
# What people are told: something was decided, failed, or waits for them. What goes, the sweep's events tell.
LOUD = frozenset({State.AWAITING_APPROVAL, State.LIVE, State.REJECTED, State.FAILED, State.CANCELLED})


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One CloudEvent. sequence: orders the events of one subject's story as text; data: with its version."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    sequence: str
    data: dict[str, Any]
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


def of_run(run: Run, installation: str) -> list[Event]:
    """Tell a run's story, one event a change of its state."""
    return [
        Event(
            id=f"{run.name}/{place}",
            type=f"droptune.run.{change.state}",
            source=f"/droptune/{installation}",
            subject=f"runs/{run.name}",
            time=change.at,
            sequence=f"{place:08}",
            data={
                "version": VERSION,
                "run": run.name,
                "recipe": run.recipe_name,
                "state": str(change.state),
                "before": str(run.history[place - 1].state) if place else None,
                "reason": change.reason,
                "by": change.by,
                "figures": change.figures,
            },
        )
        for place, change in enumerate(run.history)
    ]


def of_sweep(kind: str, verdicts: Sequence[Verdict], at: datetime, installation: str) -> list[Event]:
    """Tell of things that a sweep marked or took; kind: marked or taken. at: since when each is so."""
    stamp = int(at.timestamp() * 1000)
    return [
        Event(
            id=f"sweep/{kind}/{verdict.key}/{stamp}",
            type=f"droptune.sweep.{kind}",
            source=f"/droptune/{installation}",
            subject=f"endpoints/{verdict.key.rstrip('/')}",
            time=at,
            sequence=f"{stamp:015}-{'0' if kind == 'marked' else '1'}-{short_digest(verdict.key)}",
            data={
                "version": VERSION,
                "endpoint": verdict.endpoint,
                "deployment": verdict.deployment,
                "recipe": verdict.recipe,
                "run": verdict.run,
                "rule": verdict.rule,
                "reason": verdict.reason,
                "figures": dict(verdict.figures),
                "costs_monthly_usd": verdict.costs_monthly_usd,
            },
        )
        for verdict in verdicts
    ]


def stuck(run: Run, why: str, now: datetime, installation: str) -> Event:
    """Tell that a run which is to end cannot: what it made cannot be taken away."""
    return Event(
        id=f"{run.name}/stuck/{len(run.history)}",
        type=STUCK,
        source=f"/droptune/{installation}",
        subject=f"runs/{run.name}",
        time=now,
        sequence=f"{int(run.updated.timestamp() * 1000):015}-2-{short_digest(run.name)}",
        data={
            "version": VERSION,
            "run": run.name,
            "recipe": run.recipe_name,
            "state": str(run.state),
            "closing": str(run.closing),
            "reason": why,
        },
    )


def is_loud(event: Event) -> bool:
    """Tell whether people want to hear of it: a sweep's every deed, and a run's turning points."""
    return event.type.startswith(("droptune.sweep.", STUCK)) or event.data.get("state") in LOUD


def in_words(event: Event) -> tuple[str, str]:
    """Say it to a person: a title, and what happened and why."""
    data = event.data
    if event.type.startswith("droptune.sweep."):
        thing = event.subject.removeprefix("endpoints/")
        what = "is about to go" if event.type.endswith("marked") else "was taken away"
        monthly = data.get("costs_monthly_usd")
        money = "its price is unknown" if monthly is None else f"it costs ${monthly:,.0f} a month"
        return f"Droptune: {thing} {what}", f"{data['reason']} (rule {data['rule']}; {money})"
    waits = f"\nLook: droptune show {data['run']}"
    if event.type == STUCK:
        what = f"What {data['run']} made cannot be taken away for three hours now, and may bill"
        ways = "It is tried on; the runs of its recipe may wait for it."
        return f"Droptune: {data['recipe']} cannot be cleaned up", f"{what}: {data['reason']} {ways}{waits}"
    if data["state"] == State.AWAITING_APPROVAL:
        waits = f"\nDecide: droptune approve {data['run']}, or droptune reject {data['run']}"
    state = str(data["state"]).replace("_", " ")
    return f"Droptune: {data['recipe']} {state}", f"{data['run']} is {state}: {data['reason']}{waits}"
