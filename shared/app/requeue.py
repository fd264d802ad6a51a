"""Bring back what failed as often as it may: from the poison queues, by what has become of its run."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.app import people
from shared.app.ledger import Ledger
from shared.app.receive import receive
from shared.domain.drops import place
from shared.domain.errors import Missing, Permanent
from shared.domain.run import State
from shared.ports.poison import Spoiled

if TYPE_CHECKING:
    from datetime import datetime

    from shared.ports import World
    from shared.ports.poison import Poison

UNFORESEEN = frozenset({"unforeseen", "worker-died"})


@dataclass(frozen=True)
class Requeued:
    """One message. run, drop: what it is about, where it can be read; did: what was done; empty: nothing."""

    id: str
    kind: str
    run: str | None
    drop: str | None
    since: datetime
    did: str = ""


def waiting(poison: Poison) -> list[Requeued]:
    """List what lies in poison; none is taken."""
    return [_of(spoiled) for spoiled in poison.look()]


def requeue(world: World, poison: Poison, which: str | None, by: str) -> list[Requeued]:
    """Bring one back, by its id, or all; raises Permanent where there is none of that id.

    A step's run that failed for it is tried again; one that is on its way is looked at. A drop is received.
    """
    passed, done = list[Spoiled](), list[Requeued]()
    try:
        for spoiled in poison.take():
            passed.append(spoiled)
            if which in {None, spoiled.id}:
                done.append(_bring_back(world, poison, spoiled, by))
                passed.pop()  # one that raises is released with the others
            if which is not None and done:
                break
    finally:
        for spoiled in passed:
            poison.release(spoiled)
    if which is not None and not done:
        what = f"No message {which!r} lies in poison just now."
        raise Permanent("poison-unknown", what, "See those there are: droptune requeue")
    return done


def _bring_back(world: World, poison: Poison, spoiled: Spoiled, by: str) -> Requeued:
    found = _of(spoiled)
    if found.drop is not None:
        did = _drop(world, found.drop, by)
    elif found.run is not None:
        did = _run(world, found.run, by)
    elif spoiled.kind == "step" and spoiled.body is not None:
        poison.restore(spoiled)
        return replace(found, did="put back into the queue as it stands: it names no run")
    else:
        did = "deleted: it names nothing that could be brought back"
    poison.delete(spoiled)
    return replace(found, did=did)


def _drop(world: World, path: str, by: str) -> str:
    run = receive(world, path)
    if run is None:
        return "nothing: the blob is gone, or sets off no run by itself"
    return _run(world, run, by)


def _run(world: World, name: str, by: str) -> str:
    try:
        run = Ledger(world.ledger).load(name).run
    except Missing:
        return "nothing: there is no such run"
    if run.state is State.FAILED and run.problem is not None and run.problem.code in UNFORESEEN:
        try:
            again = people.retry(world, name, by)
        except Permanent as refused:
            return f"nothing: {refused.problem.message}"
        return f"tried again: it is {again.state}"
    if run.ended:
        return f"nothing: the run has ended ({run.state})"
    world.steps.send(name)
    return f"a look was asked for: the run is {run.state}"


def _of(spoiled: Spoiled) -> Requeued:
    """Read what a message is about; whatever does not look like one of ours is about nothing."""
    run = drop = None
    try:
        body = json.loads(spoiled.body or "")
    except ValueError:
        body = None
    if isinstance(body, dict) and spoiled.kind == "step":
        run = body.get("run")
    elif isinstance(body, dict) and body.get("ContainerName") == "datasets":
        drop = body.get("BlobName")
    run = run if isinstance(run, str) and run else None
    drop = drop if isinstance(drop, str) and place(drop).is_drop else None
    return Requeued(spoiled.id, spoiled.kind, run, drop, spoiled.since)
