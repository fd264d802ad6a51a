"""Look at the world for one run: only what its state needs to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from shared.app.observing import figures
from shared.domain.errors import Missing
from shared.domain.facts import Baseline, DeploymentFacts, EndpointFacts, Facts, JobFacts
from shared.domain.gate import LOSS
from shared.domain.recipe import SERVERLESS
from shared.domain.run import State
from shared.domain.tags import INSTALLATION, RECIPE, RUN, SPEC
from shared.ports import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.app.ledger import Ledger
    from shared.domain.lane import Lane, Place
    from shared.domain.run import Run
    from shared.domain.survey import Cluster
    from shared.ports import World

Found = TypeVar("Found")
SERVING = frozenset({State.DEPLOYING, State.TESTING, State.PROMOTING})
BESIDE = frozenset({State.DEPLOYING, State.PROMOTING})


def gather(world: World, ledger: Ledger, run: Run) -> Facts:
    """Find out what `decide` needs to know about this run just now."""
    lane = ledger.lane(run.recipe_name).lane
    serving = run.state in SERVING or run.closing is not None
    job = _job(world, run) if run.state is State.TRAINING else None
    states, leaving = _others(ledger, lane, run)
    return Facts(
        lane=lane,
        states=states,
        leaving=leaving,
        source=_source(world, run) if run.prepared is None and run.problem is None else "same",
        job=job,
        cluster=_cluster(world, run) if run.state is State.TRAINING and job is None else None,
        model_run=_model_run(world, run) if run.state is State.REGISTERING else None,
        endpoint=_endpoint(world, run) if serving else None,
        deployment=_deployment(world, run) if serving else None,
        baseline=_baseline(ledger, lane) if run.state is State.TESTING or (job and job.over) else None,
        champion=_champion(world, lane, run) if run.state in BESIDE or run.closing else None,
        figures=figures(world, run) if run.state is State.PROMOTING and run.closing is None else {},
        workspace_id=world.workspace_id,
    )


def or_none(look: Callable[[], Found]) -> Found | None:
    """Turn Missing into None."""
    try:
        return look()
    except Missing:
        return None


def _others(ledger: Ledger, lane: Lane, run: Run) -> tuple[dict[str, State | None], frozenset[str]]:
    """Read the states of those other runs of the lane that this one's next step hangs on, and no more.

    Slots of ended or missing ones hold nothing. The second: those whom a run that replaces them need not ask
    to leave, for they are ending, or were asked.
    """
    if run.closing is not None and run.state is not State.PROMOTING:  # a champion goes on, whatever failed
        return {}, frozenset()
    if run.state is State.QUEUED:
        found = _before(ledger, lane, run)
        leaving = [one for one in found.values() if one and (one.closing or one.wish("replace", "cancel"))]
        states = {name: one.state if one else None for name, one in found.items()}
        return states | {run.name: run.state}, frozenset(one.name for one in leaving)
    named = {State.DEPLOYING: lane.deploying, State.PROMOTING: lane.previous and lane.previous.place.run}
    other = named.get(run.state)
    return {other: ledger.state(other)} if other and other != run.name else {}, frozenset()


def _before(ledger: Ledger, lane: Lane, run: Run) -> dict[str, Run | None]:
    """Look at the holders of the training slot; at those ahead in the line where it is free, or replaced.

    So a long line is cheap: each in it looks at the holders alone.
    """

    def read(places: Iterable[Place]) -> dict[str, Run | None]:
        return {place.run: next(ledger.readable([place.run]), None) for place in places}

    found = read(place for place in lane.training if place.run != run.name)
    replaces = run.recipe is not None and run.recipe.on_new_data == "replace"
    if replaces or all(one is None or one.ended for one in found.values()):
        found |= read(place for place in lane.waiting if place < run.place)
    return found


def _source(world: World, run: Run) -> Literal["same", "changed", "gone"]:
    drop = or_none(lambda: world.drops.find(run.drop.path))
    if drop is None:
        return "gone"
    return "same" if run.drop.is_still(drop) else "changed"


def _job(world: World, run: Run) -> JobFacts | None:
    if run.job is None:
        return None
    name = run.job
    job = or_none(lambda: world.jobs.find(name))
    if job is None:
        return None
    ours = job.tags.get(RUN) == run.name
    changed = not ours or (run.job_spec or job.tags.get(SPEC)) != job.tags.get(SPEC)
    tells = job.status == "failed" and run.closing is None
    failure = world.jobs.failure(name) if tells else Failure()
    return JobFacts(job.status, failure.error or job.error, failure.log, failure.step, changed, ours)


def _cluster(world: World, run: Run) -> Cluster | None:
    """Look at the cluster that the job waits for."""
    if run.recipe is None or run.recipe.compute.name == SERVERLESS or run.closing is not None:
        return None
    name = run.recipe.compute.name
    return or_none(lambda: world.computes.find(name))


def _model_run(world: World, run: Run) -> str | None:
    if run.model is None or run.model_version is None:
        return None
    name, version = run.model, run.model_version
    found = or_none(lambda: world.models.find(name, version))
    return None if found is None else found.tags.get(RUN, "")


def _endpoint(world: World, run: Run) -> EndpointFacts | None:
    if run.endpoint is None:
        return None
    name = run.endpoint
    found = or_none(lambda: world.endpoints.find(name))
    if found is None:
        return None
    ours = (found.tags.get(INSTALLATION), found.tags.get(RECIPE)) == (world.installation, run.recipe_name)
    return EndpointFacts(found.state, ours, found.traffic, found.mirror)


def _baseline(ledger: Ledger, lane: Lane) -> Baseline | None:
    """Read what the champion's run knows of its loss; its document may be gone."""
    if lane.champion is None:
        return None
    name = lane.champion.place.run
    held = or_none(lambda: ledger.load(name))
    if held is None:
        return Baseline(name)
    return Baseline(name, held.run.metrics.get(LOSS), held.run.eval_digest, held.run.smoke or ())


def _champion(world: World, lane: Lane, run: Run) -> DeploymentFacts | None:
    """Look at the champion's deployment where it stands beside the run's."""
    if lane.champion is None or lane.champion.endpoint != run.endpoint:
        return None
    endpoint, name = lane.champion.endpoint, lane.champion.deployment
    found = or_none(lambda: world.endpoints.deployment(endpoint, name))
    return None if found is None else DeploymentFacts(found.state)


def _deployment(world: World, run: Run) -> DeploymentFacts | None:
    if run.endpoint is None or run.deployment is None:
        return None
    endpoint, name = run.endpoint, run.deployment
    found = or_none(lambda: world.endpoints.deployment(endpoint, name))
    if found is None or found.tags.get(RUN) != run.name:
        return None
    if found.state != "failed":
        return DeploymentFacts(found.state)
    error = world.endpoints.why(run.deploying) if run.deploying else None
    return DeploymentFacts(found.state, world.endpoints.log_tail(endpoint, name), error)
