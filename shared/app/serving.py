"""The effects on endpoints, deployments and traffic."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.app import evaluation, own_requests, sets
from shared.app import lanes as lane_changes
from shared.app.computing import NO_ROOM
from shared.datasets.languages import language_of
from shared.domain import lane as lanes
from shared.domain import smoke, tags
from shared.domain.actions import Close, Note
from shared.domain.errors import AlreadyThere, Changed, Missing, Permanent, Transient
from shared.domain.rollout import Split
from shared.domain.serving import next_generation_or_fail
from shared.ports import DeploymentSpec

if TYPE_CHECKING:
    from shared.app.claim import Work
    from shared.domain import actions
    from shared.domain.run import Run
    from shared.domain.smoke import Answer

LINGERING = timedelta(minutes=15)


def create_endpoint(work: Work, _action: actions.CreateEndpoint) -> None:
    """Begin to make the endpoint. A name that lingers after a deletion is tried for 15 minutes."""
    run = work.run
    auth = run.recipe.serving.auth if run.recipe else "key"
    mine = tags.of(run, work.world.installation)
    try:
        work.world.endpoints.create(run.endpoint or "", auth, mine)
    except AlreadyThere as taken:
        if work.world.now() - run.since < LINGERING:
            raise Transient(taken.problem.code, taken.problem.message, taken.problem.help) from taken
        another = next_generation_or_fail(run)
        if not isinstance(another, Note):
            said = another.problem if isinstance(another, Close) else None
            none_left = said or taken.problem
            raise Permanent(none_left.code, none_left.message, none_left.help) from taken
        work.update(lambda now: replace(now, **another.changes))


def delete_endpoint(work: Work, _action: actions.DeleteEndpoint) -> None:
    """Begin to delete the endpoint that serves this run alone."""
    work.world.endpoints.delete(work.run.endpoint or "")


def create_deployment(work: Work, _action: actions.CreateDeployment) -> None:
    """Begin to make the deployment of the registered model. Without room for it, wait outside the slot."""
    run = work.run
    if run.recipe is None or run.model is None or run.model_version is None:
        raise Missing("run-incomplete", f"The run {run.name} has no registered model yet.")
    spec = DeploymentSpec(
        endpoint=run.endpoint or "",
        name=run.deployment or "",
        model=_model_id(work, run.model, run.model_version),
        instance_type=run.recipe.serving.instance_type,
        instance_count=run.recipe.serving.instance_count,
        tags=tags.of(run, work.world.installation),
    )
    try:
        operation = work.world.endpoints.deploy(spec)
    except Transient as full:
        if full.problem.code == NO_ROOM:
            # What fills the quota may be this lane's own, and the sweep takes nothing while the slot is held.
            lane_changes.give_back(work.world, work.ledger, run.recipe_name, run.name)
        raise
    work.update(lambda now: replace(now, deploying=operation))


def _model_id(work: Work, name: str, version: str) -> str:
    """Find the registered model, which was seen before; raises Permanent where it was deleted since."""
    try:
        return work.world.models.find(name, version).id
    except Missing as gone:
        raise Permanent(
            "model-gone",
            f"The model {name}:{version} is not registered any more.",
            f"Train it again: droptune drop FILE --recipe {work.run.recipe_name} --retrain",
        ) from gone


def delete_deployment(work: Work, _action: actions.DeleteDeployment) -> None:
    """Begin to delete the run's deployment."""
    work.world.endpoints.undeploy(work.run.endpoint or "", work.run.deployment or "")


def make_room(work: Work, action: actions.MakeRoom) -> None:
    """Begin to delete the champion's deployment, where the recipe replaces."""
    work.world.endpoints.undeploy(work.run.endpoint or "", action.deployment)


def move_traffic(work: Work, action: actions.MoveTraffic) -> None:
    """Begin to move the traffic, unless somebody else just did."""
    endpoint, world = work.run.endpoint or "", work.world
    if action.seen is not None:
        found = world.endpoints.find(endpoint)
        if Split(dict(found.traffic), dict(found.mirror)) != action.seen:
            raise Changed("traffic-changed", f"Somebody else moved the traffic of {endpoint} just now.")
    world.endpoints.set_traffic(endpoint, action.traffic, action.mirror)


def ask_challenger(work: Work, _action: actions.AskChallenger) -> None:
    """Put every test question to the deployment; what it says is judged and not kept."""
    run = work.run
    if run.recipe is None:
        return
    asked = smoke.questions(run.recipe, _held_out(work), sets.questions(work.world, run.recipe))
    answers = tuple(_ask(work, question) for question in asked)
    work.update(lambda now: replace(now, smoke=answers))


def _ask(work: Work, question: smoke.Question) -> Answer:
    """Ask until there is an answer: one that was sampled may be empty by chance, three in a row are not."""
    for _ in range(smoke.SAMPLES - 1):
        answer = _ask_once(work, question)
        if not answer.empty:
            return answer
    return _ask_once(work, question)


def _ask_once(work: Work, question: smoke.Question) -> Answer:
    endpoint, deployment = work.run.endpoint or "", work.run.deployment or ""
    own_requests.note(work.world, endpoint, deployment)
    begun = time.monotonic()
    try:
        answer = work.world.endpoints.ask(endpoint, question.messages, deployment)
    except Permanent as refused:
        judged = smoke.judge(question, "", time.monotonic() - begun)
        told = (*judged.missing, refused.problem.message)
        return replace(judged, passed=False, empty=False, missing=told)
    seconds, wanted = time.monotonic() - begun, question.shape is not None and question.shape.language
    return smoke.judge(question, answer, seconds, language_of(answer) if wanted else None)


def _held_out(work: Work) -> list[dict[str, str]]:
    """Read the first chat of the test part, of the validation part where there is no test part."""
    prepared = work.run.prepared
    if prepared is None or work.run.erased is not None:
        return []
    for part in ("test", "validation"):
        if line := _first_line(work, f"{prepared.folder}/{part}.jsonl"):
            messages: list[dict[str, str]] = msgspec.json.decode(line)["messages"]
            return messages
    return []


def _first_line(work: Work, path: str) -> bytes:
    data = b""
    for chunk in work.world.prepared.read(path):
        data += chunk
        if b"\n" in data:
            break
    return data.split(b"\n", 1)[0]


def crown(work: Work, _action: actions.Crown) -> None:
    """Write the champion into the lane and hint who waits for the deploy slot."""
    run, now = work.run, work.world.now()
    hours = run.recipe.serving.keep_previous_hours if run.recipe else 1
    frozen = evaluation.freeze(work)

    def alter(lane: lanes.Lane) -> lanes.Lane:
        after = lanes.crown(lane, _champion(work, run), now + timedelta(hours=hours))
        return replace(after, frozen=lane.frozen or frozen)

    after = lane_changes.change(work.ledger, run.recipe_name, alter)
    lane_changes.hint_next(work.world.steps, after)


def _champion(work: Work, run: Run) -> lanes.Champion:
    return lanes.Champion(
        place=run.place,
        endpoint=run.endpoint or "",
        deployment=run.deployment or "",
        model=run.model or "",
        model_version=run.model_version or "",
        since=work.world.now(),
    )
