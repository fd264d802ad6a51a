"""The lane: what the runs of one recipe share. Every function is pure and returns the lane that follows.

A slot names its run. `alive` tells which of the named runs are still on their way: one that has ended,
or whose document is missing, holds nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.domain import names
from shared.domain.comparison import Against

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = 1


class Place(msgspec.Struct, frozen=True, order=True):
    """A run's place in the order of drops: by last-modified, then by name."""

    modified: datetime
    run: str


class Champion(msgspec.Struct, frozen=True):
    """The deployment with the traffic. until: for a previous champion, how long it stays."""

    place: Place
    endpoint: str
    deployment: str
    model: str
    model_version: str
    since: datetime
    until: datetime | None = None


class Frozen(msgspec.Struct, frozen=True):
    """The rows that every later model is measured on. path: in `prepared`; run: whose part it was.

    rows: how many, None where an earlier Droptune did not count them.
    """

    path: str
    digest: str
    run: str
    rows: int | None = None


class Evaluated(msgspec.Struct, frozen=True):
    """What a model is measured on. path: in `prepared`; of_run: whose validation part it was.

    train: the train rows without those that stand in it, None: all of them; taken: how many those were;
    rows: as Frozen.rows; against: the model it is compared with, None where it is with none; general: the
    general set's path in `prepared`, None: it is not looked at.
    """

    path: str
    digest: str
    of_run: str
    train: str | None = None
    taken: int = 0
    rows: int | None = None
    against: Against | None = None
    general: str | None = None


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """lanes/<recipe>.json."""

    version: int = VERSION
    recipe: str
    training: tuple[Place, ...] = ()
    waiting: tuple[Place, ...] = ()
    deploying: str | None = None
    deploy_waiting: tuple[Place, ...] = ()
    champion: Champion | None = None
    previous: Champion | None = None
    endpoint: str | None = None
    generation: int = 1
    last_version: int = 0
    frozen: Frozen | None = None

    def named(self) -> set[str]:
        """List every run that holds or awaits a slot."""
        held = {place.run for place in (*self.training, *self.waiting, *self.deploy_waiting)}
        return held | ({self.deploying} if self.deploying else set())

    def crowned(self, run: str) -> bool:
        """Tell whether a run's deployment is written down as the one with the traffic."""
        return self.champion is not None and self.champion.place.run == run

    def newer_than(self, place: Place) -> bool:
        """Tell whether the champion was trained on a newer drop."""
        return self.champion is not None and place < self.champion.place


def without_dead(lane: Lane, alive: Callable[[str], bool]) -> Lane:
    """Free what ended or missing runs still seem to hold."""
    return replace(
        lane,
        training=tuple(place for place in lane.training if alive(place.run)),
        waiting=tuple(place for place in lane.waiting if alive(place.run)),
        deploying=lane.deploying if lane.deploying and alive(lane.deploying) else None,
        deploy_waiting=tuple(place for place in lane.deploy_waiting if alive(place.run)),
    )


def enter_training(lane: Lane, place: Place, *, parallel: bool) -> Lane:
    """Take the training slot, or a place in the waiting list; twice is once."""
    if place in lane.training:
        return lane
    waiting = sorted({*lane.waiting, place})
    if parallel or (not lane.training and waiting[0] == place):
        rest = tuple(other for other in waiting if other != place)
        return replace(lane, training=(*lane.training, place), waiting=rest)
    return replace(lane, waiting=tuple(waiting))


def leave(lane: Lane, run: str) -> Lane:
    """Give up every slot and place that `run` has."""
    return without_dead(lane, lambda name: name != run)


def leave_training(lane: Lane, run: str) -> Lane:
    """Give up the training slot alone."""
    return replace(lane, training=tuple(place for place in lane.training if place.run != run))


def take_deploy_slot(lane: Lane, place: Place) -> Lane:
    """Take the one deploy slot where it is free, else a place in its line; twice is once."""
    if lane.deploying in {None, place.run}:
        line = tuple(other for other in lane.deploy_waiting if other != place)
        return replace(lane, deploying=place.run, deploy_waiting=line)
    return replace(lane, deploy_waiting=tuple(sorted({*lane.deploy_waiting, place})))


def next_in_line(lane: Lane) -> list[str]:
    """List the runs that may go on now that a slot is free."""
    trained = [lane.waiting[0].run] if lane.waiting and not lane.training else []
    deployed = [lane.deploy_waiting[0].run] if lane.deploy_waiting and lane.deploying is None else []
    return trained + deployed


def choose_version(lane: Lane, received: datetime) -> tuple[Lane, int]:
    """Choose the model version that comes after every one chosen before."""
    version = names.version(received, lane.last_version)
    return replace(lane, last_version=version), version


def crown(lane: Lane, champion: Champion, keep_until: datetime) -> Lane:
    """Make `champion` the one with the traffic and free its deploy slot; the old one stays for a while."""
    if lane.champion is not None and lane.champion.deployment == champion.deployment:
        return replace(lane, deploying=None)
    previous = replace(lane.champion, until=keep_until) if lane.champion else None
    return replace(lane, champion=champion, previous=previous, endpoint=champion.endpoint, deploying=None)


def swap_back(lane: Lane, now: datetime, keep_until: datetime) -> Lane:
    """Put the previous champion back in its place; the deposed one becomes the previous."""
    if lane.previous is None:
        return lane
    back = replace(lane.previous, since=now, until=None)
    deposed = replace(lane.champion, until=keep_until) if lane.champion else None
    return replace(lane, champion=back, previous=deposed)


def without_deployment(lane: Lane, endpoint: str, deployment: str) -> Lane:
    """Write a deployment that is gone out of the lane."""

    def gone(holder: Champion | None) -> bool:
        return holder is not None and (holder.endpoint, holder.deployment) == (endpoint, deployment)

    return replace(
        lane,
        champion=None if gone(lane.champion) else lane.champion,
        previous=None if gone(lane.previous) else lane.previous,
    )


def without_endpoint(lane: Lane, endpoint: str) -> Lane:
    """Write an endpoint that is gone, with all its deployments, out of the lane."""

    def kept(holder: Champion | None) -> Champion | None:
        return None if holder is not None and holder.endpoint == endpoint else holder

    name = None if lane.endpoint == endpoint else lane.endpoint
    return replace(lane, champion=kept(lane.champion), previous=kept(lane.previous), endpoint=name)
