"""Whole lives that are lived once for each point at which they can be hurt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.app import people
from shared.app.reviving import revive
from shared.app.rollback import rollback
from shared.app.sweep import sweep
from shared.domain import names
from shared.domain.run import State
from shared.domain.timing import Timing
from tests.app.life import Life, chats
from tests.reliability.outside import rest, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.reliability.outside import Outside

FIRST, SECOND = "support/a.jsonl", "support/b.jsonl"
ROLLOUT = "serving: {rollout: [50, 100], step_minutes: 2, little_traffic: go}\n"
PATIENT = "serving: {rollout: [50, 100], step_minutes: 600}\n"
SWEPT = "cost: {idle_hours: 2, grace_hours: 0}\n"
QUICK = Timing(poll=0.001)


@dataclass(frozen=True)
class Story:
    """before: what was there already, without a fault; play: what happens, a tick at each yield.

    since: from which state on it differs from the first life, and is hurt; whole: by each kind, for long too.
    every: how many calls lie between two that are hurt, where most of the life is another's too.
    alike: as much is made whatever fails; not so where a command may come before the effect that it ends.
    """

    name: str
    play: Callable[[Outside], Iterator[None]]
    before: Callable[[Life], object] = lambda _life: None
    since: str = ""
    whole: bool = False
    every: int = 1
    alike: bool = True


def with_recipe(text: str) -> Callable[[Life], object]:
    return lambda life: life.storage.recipes.put("support", text)


def first(outside: Outside) -> Iterator[None]:
    outside.drop(FIRST, chats())
    yield from rest(outside)


def rejected(outside: Outside) -> Iterator[None]:
    outside.drop(FIRST, b'{"messages": 1}\n' * 20)
    yield from rest(outside)


def a_champion(life: Life) -> None:
    life.live(FIRST, chats(topic="first"))
    life.storage.recipes.put("support", ROLLOUT)
    life.tick()


def a_patient_champion(life: Life) -> None:
    """Give the next one its first traffic for longer than anybody stands still."""
    a_champion(life)
    life.storage.recipes.put("support", PATIENT)
    life.tick()


def retrained(outside: Outside) -> Iterator[None]:
    outside.drop(SECOND, chats(topic="second"))
    yield from rest(outside)


def unchanged(outside: Outside) -> Iterator[None]:
    outside.drop(SECOND, chats(topic="first"))
    yield from rest(outside)


def cancelled(outside: Outside) -> Iterator[None]:
    """A person ends it while its job runs, which would never end by itself."""
    outside.jobs_run = False
    run = outside.drop(FIRST, chats())
    yield from until(outside, run, State.TRAINING)
    yield
    yield from outside.person(lambda world: people.wish(world, run, "cancel", "ann"))
    yield from rest(outside)


def replaced(outside: Outside) -> Iterator[None]:
    """Newer data comes while the older run trains; the older one's job would never end by itself."""
    outside.jobs_run = False
    older = outside.drop(FIRST, chats(topic="first"))
    yield from until(outside, older, State.TRAINING)
    yield
    newer = outside.drop(SECOND, chats(topic="second"))
    yield from until(outside, newer, State.TRAINING)
    outside.jobs_run = True
    yield from rest(outside)


def broken_job(outside: Outside) -> Iterator[None]:
    """The first job is preempted, the second fails for good; a person tries again, and the third trains."""
    outside.jobs_run = False
    run = outside.drop(FIRST, chats())
    for attempt, error in ((1, "PreemptionError: the node was preempted"), (2, "UserError: it went wrong")):
        while f"{run}-a{attempt}" not in outside.life.azureml.jobs.names:
            if (found := outside.run(run)) is not None and found.ended:
                return
            yield
        outside.life.azureml.jobs.fail(f"{run}-a{attempt}", error)
    yield from rest(outside)
    outside.jobs_run = True
    yield from outside.person(lambda world: people.retry(world, run, "ann"))
    yield from rest(outside)


def broken_deployment(outside: Outside) -> Iterator[None]:
    """The deployment fails in Azure ML: the run ends, and nothing of it bills."""
    run, endpoints = outside.drop(FIRST, chats()), outside.life.azureml.endpoints
    endpoints.hold(names.deployment(run))
    while not (made := endpoints.kept()[1]):
        if (found := outside.run(run)) is not None and found.ended:
            return
        yield
    endpoints.fail(made[0].endpoint, made[0].name, "CUDA out of memory")
    yield from rest(outside)


def swept_and_revived(outside: Outside) -> Iterator[None]:
    """Nobody asks: the sweep hibernates it. Somebody wants it again: it comes back."""
    life = outside.life
    run, before = next(iter(outside.runs)), life.at
    life.at += timedelta(hours=4)
    for _ in range(40):
        for one in life.azureml.endpoints.kept()[1]:
            life.azureml.monitor.beat(one.endpoint, one.name, before, life.at)
        outside.process(lambda world: sweep(world, dry_run=False))
        if outside.runs[run].state is State.RETIRED:
            break
        yield
    yield from outside.person(lambda world: revive(world, "support", "ann"))
    yield from rest(outside)


def two_champions(life: Life) -> None:
    a_champion(life)
    life.live(SECOND, chats(topic="second"))
    life.tick()


def rolled_back(outside: Outside) -> Iterator[None]:
    """A person gives the traffic back to the model before; whoever hears no answer looks, and tries again."""
    older = min(outside.runs.values(), key=lambda run: run.place).name
    yield from outside.person(
        lambda world: rollback(world, QUICK, "support", "ann"),
        lambda: [run.state for run in outside.runs.values() if run.name != older] == [State.SUPERSEDED],
    )
    yield from rest(outside)


def sent_back(outside: Outside) -> Iterator[None]:
    """It fails under its first traffic: its share goes back, it answers what it was asked, and is deleted."""
    run = outside.drop(SECOND, chats(topic="second"))
    while (found := outside.run(run)) is None or not found.ended:
        if found and found.endpoint and found.deployment:
            asked = outside.life.azureml.monitor.asked
            asked(found.endpoint, found.deployment, outside.life.at, 20, status=503)
        yield
    yield from rest(outside)


def a_live_one(life: Life) -> None:
    life.storage.recipes.put("support", SWEPT)
    life.live(FIRST, chats())
    life.tick()


STORIES = {
    story.name: story
    for story in (
        Story("first", first, whole=True),
        Story("rejected", rejected),
        Story("retrained", retrained, a_champion, since="live training", whole=True, every=2),
        Story("unchanged", unchanged, a_champion, since="live validating"),
        Story("cancelled", cancelled, since="training", every=2, alike=False),
        Story(
            "replaced",
            replaced,
            with_recipe("on_new_data: replace\n"),
            since="training",
            every=6,
            alike=False,
        ),
        Story("broken job", broken_job, since="training", every=4),
        Story("broken deployment", broken_deployment, since="deploying", every=2),
        Story("sent back", sent_back, a_patient_champion, since="live promoting", every=2),
        Story("rolled back", rolled_back, two_champions),
        Story("swept and revived", swept_and_revived, a_live_one, every=2),
    )
}
