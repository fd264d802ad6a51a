"""What is being taken away: written down before the deed, so that neither a crash nor a slow end loses it.

runs/sweep/going/<endpoint>[+<deployment>].json, until the lane and the run say that the thing is gone.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from shared.app import lanes as lanes_of
from shared.app import own_requests, telling
from shared.domain import events
from shared.domain import lane as lanes
from shared.domain import run as runs
from shared.domain.endings import EndpointEnd, with_end
from shared.domain.errors import Changed, DroptuneError, Missing
from shared.domain.run import State
from shared.domain.sweep import TAKEN, Verdict
from shared.domain.sweep_holder import is_dead_sweep, is_sweep
from shared.domain.tags import RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.app.ledger import Ledger
    from shared.domain.lane import Lane
    from shared.domain.run import Run
    from shared.domain.sweep import EndpointFacts
    from shared.ports import World

log = logging.getLogger(__name__)
FOLDER = "sweep/going/"
TRIES = 10
BEGINS_WITHIN = timedelta(minutes=10)


class Going(msgspec.Struct, frozen=True):
    """One thing on its way out. deployments: those below it that go, with their runs."""

    endpoint: str
    deployment: str | None
    recipe: str
    rule: str
    reason: str
    at: datetime
    deployments: dict[str, str]
    saves_monthly_usd: float | None = None
    figures: dict[str, Any] = {}

    @property
    def verdict(self) -> Verdict:
        """Give the verdict that it goes by."""
        run = next(iter(self.deployments.values()), None)
        monthly = self.saves_monthly_usd
        return Verdict(
            self.endpoint,
            self.deployment,
            TAKEN,
            self.rule,
            self.reason,
            self.recipe,
            run,
            monthly,
            monthly,
            self.figures,
        )

    @property
    def what(self) -> str:
        """Say what goes."""
        whole = self.deployment is None
        return f"endpoint {self.endpoint}" if whole else f"deployment {self.deployment} of {self.endpoint}"

    @property
    def name(self) -> str:
        """Name its document; `+` stands in no name of Azure ML's."""
        return f"{FOLDER}{self.endpoint}{'+' + self.deployment if self.deployment else ''}.json"


NOTES: msgspec.json.Decoder[Going] = msgspec.json.Decoder(Going)  # as in shared.app.ledger


def begin(world: World, found: EndpointFacts, verdict: Verdict) -> Going:
    """Write down what is about to be taken."""
    gone = {d.name: d.tags.get(RUN, "") for d in found.deployments if verdict.deployment in {None, d.name}}
    note = Going(
        endpoint=found.name,
        deployment=verdict.deployment,
        recipe=verdict.recipe,
        rule=verdict.rule,
        reason=verdict.reason,
        at=world.now(),
        deployments=gone,
        saves_monthly_usd=verdict.saves_monthly_usd,
        figures=dict(verdict.figures),
    )
    world.ledger.put(note.name, msgspec.json.encode(note))
    return note


def finish(world: World, ledger: Ledger) -> None:
    """Write down what earlier sweeps began to take and is gone by now; forget what did not go.

    What another sweep is at just now is that one's to write down.
    """
    for note in list(_all(world)):
        try:
            if _under_way(world, ledger, note):
                continue
            if gone(world, note):
                write_down(world, ledger, note)
            elif not _deleting(world, note) and world.now() - note.at > BEGINS_WITHIN:
                log.warning("sweep: %s did not go; the rules decide anew", note.name)
                world.ledger.delete(note.name)
        except DroptuneError as error:
            log.warning("sweep: %s is not written down yet: %s", note.name, error.problem.code)


def is_noted(world: World, endpoint: str) -> bool:
    """Tell whether a sweep began to take something of an endpoint, and has yet to write it down."""
    return any(note.endpoint == endpoint for note in _all(world))


def gone(world: World, note: Going) -> bool:
    """Tell whether all of it is gone; an endpoint's name may live on in a new one."""
    if note.deployment is not None:
        return _missing(world, note.endpoint, note.deployment)
    try:
        state = world.endpoints.find(note.endpoint).state
    except Missing:
        return True
    if state == "deleting" or not note.deployments:
        return False
    return all(_missing(world, note.endpoint, name) for name in note.deployments)


def write_down(world: World, ledger: Ledger, note: Going) -> None:
    """Write what is gone out of the lane, end its runs, and the note with them."""
    whole = note.deployment is None and _missing(world, note.endpoint, None)

    def alter(lane: Lane) -> Lane:
        for name in note.deployments:
            lane = lanes.without_deployment(lane, note.endpoint, name)
        return lanes.without_endpoint(lane, note.endpoint) if whole else lane

    if note.recipe:
        lanes_of.change(ledger, note.recipe, alter)
    for deployment, run in note.deployments.items():
        _change(ledger, run, partial(_retire, deployment, note, world.now()))
    if whole:
        _end(ledger, note)
        own_requests.forget(world, note.endpoint)
    telling.put(world, events.of_sweep("taken", [note.verdict], note.at, world.installation))
    world.ledger.delete(note.name)


def _end(ledger: Ledger, note: Going) -> None:
    """Write the endpoint's end into every run of its recipe that stood there."""
    end = EndpointEnd(note.endpoint, note.at, note.rule, note.reason)
    for run in ledger.of_recipe(note.recipe) if note.recipe else ():
        if with_end(run, end) != run:
            _change(ledger, run.name, lambda found: with_end(found, end))


def _retire(deployment: str, note: Going, now: datetime, run: Run) -> Run:
    """End the run whose own deployment went; another that bears its tag ends nothing."""
    if run.deployment != deployment or run.state not in {State.LIVE, State.SUPERSEDED}:
        return run
    reason = f"swept, rule {note.rule}: {note.reason}"
    figures = {"saves_monthly_usd": note.saves_monthly_usd, "rule": note.rule, "taken": note.what}
    return runs.moved(run, State.RETIRED, reason, now, figures=figures)


def _change(ledger: Ledger, name: str, alter: Callable[[Run], Run]) -> None:
    """Write `alter(run)`; over somebody else's write it is done again on theirs."""
    for _ in range(TRIES if name else 0):
        try:
            held = ledger.load(name)
            after = alter(held.run)
            if after != held.run:
                ledger.save(held, after)
        except Missing:
            return
        except Changed:
            continue
        return


def _all(world: World) -> Iterator[Going]:
    for entry in world.ledger.names(FOLDER):
        try:
            yield NOTES.decode(world.ledger.read(entry.name).data)
        except Missing:
            continue


def _under_way(world: World, ledger: Ledger, note: Going) -> bool:
    """Tell whether a living sweep has the lane's deploy slot: nothing of a lane is taken without it."""
    holder = ledger.lane(note.recipe).lane.deploying if note.recipe else None
    return holder is not None and is_sweep(holder) and not is_dead_sweep(holder, world.now())


def _missing(world: World, endpoint: str, deployment: str | None) -> bool:
    try:
        if deployment is None:
            world.endpoints.find(endpoint)
        else:
            world.endpoints.deployment(endpoint, deployment)
    except Missing:
        return True
    return False


def _deleting(world: World, note: Going) -> bool:
    try:
        if world.endpoints.find(note.endpoint).state == "deleting":
            return True
        return any(
            world.endpoints.deployment(note.endpoint, name).state == "deleting" for name in note.deployments
        )
    except Missing:
        return False
