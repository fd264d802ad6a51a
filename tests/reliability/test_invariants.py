"""Each invariant can fail: a sound world is broken in one place, and just that is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace as change

from shared.domain.lane import Place
from shared.domain.run import Change, Claim, State
from shared.domain.tags import RECIPE, RUN
from shared.ports import Deployment, Endpoint, Job, ModelVersion
from tests.app.life import chats
from tests.domain import builders
from tests.reliability.invariants import AT_REST, INVARIANTS, broken
from tests.reliability.outside import Outside, rest
from tests.reliability.stories import FIRST

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.lane import Lane
    from shared.domain.run import Run
    from tests.reliability.seen import Document, Seen

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def sound() -> Seen:
    """A world with one live run, at rest."""
    outside = Outside()
    outside.drop(FIRST, chats())
    for _ in rest(outside):
        outside.tick()
    return outside.a_day_later()


def the_run(seen: Seen) -> Run:
    return next(iter(seen.runs.values()))


def with_run(seen: Seen, run: Run, name: str | None = None) -> Seen:
    written: dict[str, Document] = {f"r/{name or run.name}.json": (msgspec.json.encode(run), {})}
    return replace(seen, documents={**seen.documents, **written})


def with_lane(seen: Seen, lane: Lane) -> Seen:
    written: dict[str, Document] = {f"lanes/{lane.recipe}.json": (msgspec.json.encode(lane), {})}
    return replace(seen, documents={**seen.documents, **written})


def without(seen: Seen, *names: str) -> Seen:
    return replace(seen, documents={k: v for k, v in seen.documents.items() if not k.startswith(names)})


def on_its_way(seen: Seen, state: State = State.TRAINING, **fields: object) -> Run:
    """The run as it was before, with a due time."""
    run = the_run(seen)
    at = next(place for place, one in enumerate(run.history) if one.state is state)
    return change(run, state=state, history=run.history[: at + 1], due=seen.now, **fields)


def torn(seen: Seen) -> Seen:
    name = f"r/{the_run(seen).name}.json"
    data, metadata = seen.documents[name]
    return replace(seen, documents={**seen.documents, name: (data[: len(data) // 2], metadata)}, drops=())


def unseen_drop(seen: Seen) -> Seen:
    return replace(seen, drops=(*seen.drops, builders.drop("support/unseen.jsonl")))


def twice_received(seen: Seen) -> Seen:
    return with_run(seen, the_run(seen), "support-20261124120000-aaaaaaaa")


def a_third_job(seen: Seen) -> Seen:
    return replace(seen, jobs=(*seen.jobs, change_job(seen.jobs[0], f"{the_run(seen).name}-a3", "completed")))


def change_job(job: Job, name: str, status: str) -> Job:
    return replace(job, name=name, status=status)


def two_jobs_at_once(seen: Seen) -> Seen:
    run = change(the_run(seen), job_attempt=2)
    jobs = [change_job(seen.jobs[0], f"{run.name}-a{n}", "running") for n in (1, 2)]
    return replace(with_run(seen, run), jobs=tuple(jobs))


def two_models(seen: Seen) -> Seen:
    model = seen.models[0]
    return replace(seen, models=(model, ModelVersion(model.name, "7", model.tags, "")))


def two_deployments(seen: Seen) -> Seen:
    return replace(seen, deployments=(*seen.deployments, replace(seen.deployments[0], name="other")))


def two_endpoints(seen: Seen) -> Seen:
    return replace(seen, endpoints=(*seen.endpoints, replace(seen.endpoints[0], name="other", traffic={})))


def backwards(seen: Seen) -> Seen:
    run = the_run(seen)
    history = (*run.history[:4], run.history[2], *run.history[4:])
    return with_run(seen, change(run, history=tuple(change(one, at=run.received) for one in history)))


def said_twice(seen: Seen) -> Seen:
    run = the_run(seen)
    last = run.history[3]
    assert last.state is State.TRAINING
    return with_run(seen, change(run, history=(*run.history[:4], last, *run.history[4:])))


def without_its_end(seen: Seen) -> Seen:
    run = the_run(seen)
    return with_run(seen, change(run, history=run.history[:-1]))


def back_in_time(seen: Seen) -> Seen:
    run = the_run(seen)
    first = change(run.history[0], at=run.updated + HOUR)
    return with_run(seen, change(run, history=(first, *run.history[1:])))


def without_a_reason(seen: Seen) -> Seen:
    run = the_run(seen)
    return with_run(seen, change(run, history=(*run.history[:-1], change(run.history[-1], reason=""))))


def half_the_traffic(seen: Seen) -> Seen:
    found = seen.endpoints[0]
    return replace(seen, endpoints=(replace(found, traffic=dict.fromkeys(found.traffic, 50)),))


def traffic_to_nobody(seen: Seen) -> Seen:
    return replace(seen, endpoints=(replace(seen.endpoints[0], traffic={"gone": 100}),))


def left_behind(seen: Seen) -> Seen:
    run = the_run(seen)
    failed = Change(run.updated, State.FAILED, "it went wrong")
    history = (*run.history[:-1], failed)
    return with_run(seen, change(run, state=State.FAILED, history=history))


def a_job_left_running(seen: Seen) -> Seen:
    jobs = (replace(seen.jobs[0], status="running"),)
    return replace(left_behind(seen), jobs=jobs, deployments=())


def a_foreign_name(seen: Seen) -> Seen:
    return replace(seen, models=(replace(seen.models[0], version="7"),))


def a_misnamed_endpoint(seen: Seen) -> Seen:
    found = seen.endpoints[0]
    tags = {RUN: the_run(seen).name, RECIPE: "support"}
    return replace(seen, endpoints=(found, Endpoint("other", "succeeded", tags, {})))


def a_nameless_job(seen: Seen) -> Seen:
    job = replace(seen.jobs[0], name="happy_road")
    return replace(seen, jobs=(job,))


def an_orphaned_deployment(seen: Seen) -> Seen:
    orphan = Deployment(seen.endpoints[0].name, "r1", "succeeded", {RUN: "support-20261124120000-aaaaaaaa"})
    return replace(seen, deployments=(*seen.deployments, orphan))


def unmarked(seen: Seen) -> Seen:
    return replace(with_run(seen, on_its_way(seen)), settled=False)


def marked_late(seen: Seen) -> Seen:
    run = on_its_way(seen)
    late = {f"active/{run.name}": (b"", {"due": (seen.now + HOUR).isoformat()})}
    after = with_run(seen, run)
    return replace(after, settled=False, documents={**after.documents, **late})


def not_over(seen: Seen) -> Seen:
    return with_run(seen, on_its_way(seen))


def claimed_at_its_end(seen: Seen) -> Seen:
    return with_run(seen, change(the_run(seen), claim=Claim("somebody", seen.now)))


def slot_held(seen: Seen) -> Seen:
    run = the_run(seen)
    return with_lane(seen, change(seen.lanes["support"], training=(Place(run.received, run.name),)))


def no_champion(seen: Seen) -> Seen:
    return with_lane(seen, change(seen.lanes["support"], champion=None))


def champion_without_traffic(seen: Seen) -> Seen:
    return replace(seen, endpoints=(replace(seen.endpoints[0], traffic={}),))


def champion_gone(seen: Seen) -> Seen:
    return replace(seen, deployments=(), endpoints=())


def marker_left(seen: Seen) -> Seen:
    left: dict[str, Document] = {f"active/{the_run(seen).name}": (b"", {})}
    return replace(seen, documents={**seen.documents, **left})


def untold(seen: Seen) -> Seen:
    return replace(seen, told=frozenset())


def outbox_full(seen: Seen) -> Seen:
    return replace(seen, documents={**seen.documents, "outbox/run/support-1": (b"", {})})


BREAKS: list[tuple[str, Callable[[Seen], Seen], str]] = [
    ("ledger-parses", torn, "does not read"),
    ("one-run-a-drop", unseen_drop, "support/unseen.jsonl has no run"),
    ("one-run-a-drop", twice_received, "more than one run"),
    ("one-job-an-attempt", a_third_job, "-a3"),
    ("one-unfinished-job", two_jobs_at_once, "2 unfinished jobs"),
    ("one-model-a-run", two_models, "2 model versions"),
    ("one-deployment-a-run", two_deployments, "2 deployments"),
    ("one-endpoint", two_endpoints, "support has 2 endpoints"),
    ("forward", backwards, "from training to queued"),
    ("forward", said_twice, "twice"),
    ("history-complete", without_its_end, "is live, its history"),
    ("history-complete", back_in_time, "back in time"),
    ("history-complete", without_a_reason, "without a reason"),
    ("traffic-sums", half_the_traffic, "50"),
    ("traffic-sums", traffic_to_nobody, "gone"),
    ("nothing-bills", left_behind, "is failed and leaves"),
    ("nothing-bills", a_job_left_running, "-a1"),
    ("derived-names", a_foreign_name, ":7 is not that of"),
    ("derived-names", a_misnamed_endpoint, "other is no name of support's"),
    ("derived-names", a_nameless_job, "happy_road"),
    ("derived-names", an_orphaned_deployment, "r1"),
    ("marked", unmarked, "has no marker"),
    ("marked", marked_late, "its marker"),
    ("ended", not_over, "is training"),
    ("ended", claimed_at_its_end, "has ended and holds"),
    ("slots-free", slot_held, "support"),
    ("champions-agree", no_champion, "the champion is None"),
    ("champions-agree", champion_without_traffic, "is champion, shares are {}"),
    ("champions-agree", champion_gone, "is not there"),
    ("markers-agree", marker_left, "not both"),
    ("all-told", untold, "never told"),
    ("all-told", outbox_full, "not told yet"),
]


def test_nothing_is_broken_in_a_sound_world(sound: Seen) -> None:
    assert broken(sound) == ()
    assert the_run(sound).state is State.LIVE


@pytest.mark.parametrize(("name", "breaks", "told"), BREAKS, ids=[how.__name__ for _, how, _ in BREAKS])
def test_what_is_broken_is_named(sound: Seen, name: str, breaks: Callable[[Seen], Seen], told: str) -> None:
    found = [one.told for one in broken(breaks(sound)) if one.name == name]
    assert any(told in one for one in found), broken(breaks(sound))


def test_every_invariant_has_been_seen_to_fail() -> None:
    assert {name for name, _how, _told in BREAKS} == INVARIANTS.keys() | AT_REST.keys()


def test_a_world_that_is_still_moving_is_not_asked_to_rest(sound: Seen) -> None:
    run = on_its_way(sound)
    due = {f"active/{run.name}": (b"", {"due": sound.now.isoformat()})}
    moving = with_run(sound, run)
    assert broken(replace(moving, settled=False, documents={**moving.documents, **due})) == ()
