"""What holds in every world, whatever failed on the way. `broken(seen)` names all that does not.

Pure: the tests of faults, of events and of kills all end here, and so may a look at a real installation.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain import names
from shared.domain import run as runs
from shared.domain.run import ENDS, State
from shared.domain.sweep_holder import is_dead_sweep
from shared.domain.tags import INSTALLATION, RECIPE, RUN
from tests.reliability.seen import repeated
from tests.reliability.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from shared.domain.run import Run
    from tests.reliability.seen import Seen

NEVER_SERVED = frozenset(
    {State.FAILED, State.CANCELLED, State.REJECTED, State.UNCHANGED, State.SUPERSEDED, State.RETIRED}
)
WHOLE = 100


@dataclass(frozen=True)
class Broken:
    """One invariant that does not hold. told: what was found, with names and figures."""

    name: str
    told: str

    def __str__(self) -> str:
        return f"{self.name}: {self.told}"


def broken(seen: Seen) -> tuple[Broken, ...]:
    """Give every invariant that is broken; those of a world at rest only where it is."""
    checks = INVARIANTS | (AT_REST if seen.settled else {})
    return tuple(Broken(name, told) for name, check in checks.items() for told in check(seen))


def ledger_parses(seen: Seen) -> Iterator[str]:
    """Every document reads, has a known version and the name of what is in it."""
    yield from (f"{name} does not read: {error}" for name, error in seen.unreadable.items())
    for name, run in seen.runs.items():
        if run.name != name or run.version > runs.VERSION:
            yield f"r/{name}.json holds {run.name}, version {run.version}"
    for name, lane in seen.lanes.items():
        if lane.recipe != name:
            yield f"lanes/{name}.json holds the lane of {lane.recipe}"


def one_run_a_drop(seen: Seen) -> Iterator[str]:
    """No drop has two runs; at rest each has one."""
    for drop in repeated(f"{run.drop.path} {run.drop.etag}" for run in seen.runs.values()):
        yield f"the drop {drop} has more than one run"
    if seen.settled:
        yield from (f"{drop.path} has no run" for drop in seen.drops if drop.run not in seen.runs)


def one_job_an_attempt(seen: Seen) -> Iterator[str]:
    """A run's jobs are its attempts: named after them, none beyond the one it is at."""
    for run in seen.runs.values():
        found = {job.name for job in seen.jobs if job.tags.get(RUN) == run.name}
        allowed = {names.job(run.name, attempt) for attempt in range(1, run.job_attempt + 1)}
        if found - allowed:
            yield f"{run.name} is at attempt {run.job_attempt} and has {sorted(found - allowed)}"


def one_unfinished_job(seen: Seen) -> Iterator[str]:
    """At most one job of a run has not ended."""
    going = Counter(job.tags.get(RUN, "") for job in seen.jobs if not job.over)
    yield from (f"{run} has {count} unfinished jobs" for run, count in going.items() if run and count > 1)


def one_model_a_run(seen: Seen) -> Iterator[str]:
    """A run registers one model version at most."""
    yield from _at_most_one(seen, "model versions", Counter(m.tags.get(RUN, "") for m in seen.models))


def one_deployment_a_run(seen: Seen) -> Iterator[str]:
    """A run has one deployment at most."""
    yield from _at_most_one(seen, "deployments", Counter(d.tags.get(RUN, "") for d in seen.deployments))


def one_endpoint(seen: Seen) -> Iterator[str]:
    """A recipe has one endpoint, or each run of its own."""
    ours = [found for found in seen.endpoints if found.tags.get(INSTALLATION) == seen.installation]
    own = {run.name for run in seen.runs.values() if run.recipe and run.recipe.serving.endpoint == "per_run"}
    keys = Counter(
        run if (run := found.tags.get(RUN, "")) in own else found.tags.get(RECIPE, "") for found in ours
    )
    yield from (f"{key} has {count} endpoints" for key, count in keys.items() if count > 1)


def forward(seen: Seen) -> Iterator[str]:
    """No state goes back but by the steps that there are."""
    for run in seen.runs.values():
        for before, after in zip(run.history, run.history[1:], strict=False):
            if after.state not in STEPS[before.state]:
                yield f"{run.name} went from {before.state} to {after.state}"
            elif before.state is after.state and before.reason == after.reason and before.at == after.at:
                yield f"{run.name} has the same change to {after.state} twice"


def history_complete(seen: Seen) -> Iterator[str]:
    """A history begins with `received`, ends with the state, gives a reason each, and runs with time."""
    for run in seen.runs.values():
        states = [change.state for change in run.history]
        if states[:1] != [State.RECEIVED] or states[-1:] != [run.state]:
            yield f"{run.name} is {run.state}, its history {[str(state) for state in states]}"
        times = [change.at for change in run.history]
        if times != sorted(times):
            yield f"{run.name} has a history that goes back in time"
        if not all(change.reason for change in run.history):
            yield f"{run.name} has a change without a reason"


def traffic_sums(seen: Seen) -> Iterator[str]:
    """Shares sum to 100, or to nothing, and name what is there."""
    for found in seen.endpoints:
        there = {one.name for one in seen.deployments if one.endpoint == found.name}
        total = sum(found.traffic.values())
        if total not in {0, WHOLE} or not set(found.traffic) <= there:
            yield f"{found.name} shares {dict(found.traffic)} among {sorted(there)}"


def nothing_bills(seen: Seen) -> Iterator[str]:
    """What ended without serving has no job that runs and no deployment."""
    for run in seen.runs.values():
        if run.state not in NEVER_SERVED or (run.state is State.SUPERSEDED and _served(run)):
            continue
        running = [job.name for job in seen.jobs if job.tags.get(RUN) == run.name and not job.over]
        there = [
            f"{one.endpoint}/{one.name} ({one.state})"
            for one in seen.deployments
            if one.tags.get(RUN) == run.name and one.state != "deleting"
        ]
        if running or there:
            yield f"{run.name} is {run.state} and leaves {running + there}"


def derived_names(seen: Seen) -> Iterator[str]:
    """What is ours in Azure ML leads back to a run, under the name that this run gives it."""
    for job in seen.jobs:
        if RUN in job.tags and names.run_of_job(job.name) != job.tags[RUN]:
            yield f"the job {job.name} is tagged {job.tags[RUN]}"
    for model in seen.models:
        run = seen.runs.get(model.tags.get(RUN, ""))
        if RUN in model.tags and (
            run is None or (run.model, run.model_version) != (model.name, model.version)
        ):
            yield f"the model {model.name}:{model.version} is not that of {model.tags[RUN]}"
    for one in seen.deployments:
        run = seen.runs.get(one.tags.get(RUN, ""))
        if RUN in one.tags and (run is None or one.name != names.deployment(run.name)):
            yield f"the deployment {one.endpoint}/{one.name} is not that of {one.tags[RUN]}"
    for found in seen.endpoints:
        recipe, run = found.tags.get(RECIPE, ""), seen.runs.get(found.tags.get(RUN, ""))
        if recipe and run and found.name not in _endpoint_names(seen, run):
            yield f"the endpoint {found.name} is no name of {recipe}'s"


def marked(seen: Seen) -> Iterator[str]:
    """Whoever is on its way has a marker, due no later than its document."""
    for run in seen.runs.values():
        if run.ended or run.due is None:
            continue
        marker = seen.marker(run.name)
        if marker is None:
            yield f"{run.name} is {run.state} and has no marker"
        elif marker.get("due", "") > run.due.isoformat():
            yield f"{run.name} is due {run.due}, its marker {marker['due']}"


def ended(seen: Seen) -> Iterator[str]:
    """Everything has come to one of the ends, and holds neither claim nor wish nor due time."""
    for run in seen.runs.values():
        if run.state not in ENDS or run.closing is not None:
            yield f"{run.name} is {run.state}: {run.reason}"
        elif run.claim or run.due or run.wishes:
            yield f"{run.name} has ended and holds {[run.claim, run.due, run.wishes]}"


def slots_free(seen: Seen) -> Iterator[str]:
    """Nobody holds or awaits a slot; a sweep that died holds nothing."""
    for lane in seen.lanes.values():
        held = sorted(name for name in lane.named() if not is_dead_sweep(name, seen.now))
        if held:
            yield f"{lane.recipe}: {held}"


def champions_agree(seen: Seen) -> Iterator[str]:
    """The lane's champion is its one live run, has a deployment that serves, and has all the traffic."""
    for lane in seen.lanes.values():
        live = sorted(
            run.name
            for run in seen.runs.values()
            if run.recipe_name == lane.recipe and run.state is State.LIVE and _shares_its_endpoint(run)
        )
        champion = lane.champion
        if live != ([champion.place.run] if champion else []):
            yield f"{lane.recipe}: {live} are live, the champion is {champion and champion.place.run}"
        for found in seen.endpoints if champion else ():
            if champion and found.name == champion.endpoint and found.traffic != {champion.deployment: WHOLE}:
                yield f"{lane.recipe}: {champion.deployment} is champion, shares are {dict(found.traffic)}"
        if champion and champion.deployment not in {one.name for one in seen.deployments}:
            yield f"{lane.recipe}: the champion's deployment {champion.deployment} is not there"


def markers_agree(seen: Seen) -> Iterator[str]:
    """After the daily pass just those on their way have a marker."""
    going = {run.name for run in seen.runs.values() if not run.ended}
    wrong = going ^ set(seen.under("active/"))
    if wrong:
        yield f"on their way or marked, not both: {sorted(wrong)}"


def all_told(seen: Seen) -> Iterator[str]:
    """Every change has been told at the topic, and the outbox is empty."""
    waiting = sorted(seen.under("outbox/"))
    if waiting:
        yield f"not told yet: {waiting}"
    for run in seen.runs.values() if seen.told is not None else ():
        missing = {f"{run.name}/{place}" for place in range(len(run.history))} - (seen.told or frozenset())
        if missing:
            yield f"never told: {sorted(missing)}"


def _at_most_one(seen: Seen, what: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield from (
        f"{run} has {count} {what}" for run, count in counts.items() if run in seen.runs and count > 1
    )


def _served(run: Run) -> bool:
    return any(change.state is State.LIVE for change in run.history)


def _shares_its_endpoint(run: Run) -> bool:
    return run.recipe is None or run.recipe.serving.endpoint != "per_run"


def _endpoint_names(seen: Seen, run: Run) -> set[str]:
    if not _shares_its_endpoint(run):
        stem = names.endpoint_of_run(run.recipe_name, run.received, run.name)
        return {stem, *(f"{stem}-g{n}" for n in range(2, names.LARGEST_GENERATION + 1))}
    generations = range(1, names.LARGEST_GENERATION + 1)
    return {names.endpoint(seen.workspace_id, run.recipe_name, n) for n in generations}


INVARIANTS: dict[str, Callable[[Seen], Iterator[str]]] = {
    "ledger-parses": ledger_parses,
    "one-run-a-drop": one_run_a_drop,
    "one-job-an-attempt": one_job_an_attempt,
    "one-unfinished-job": one_unfinished_job,
    "one-model-a-run": one_model_a_run,
    "one-deployment-a-run": one_deployment_a_run,
    "one-endpoint": one_endpoint,
    "forward": forward,
    "history-complete": history_complete,
    "traffic-sums": traffic_sums,
    "nothing-bills": nothing_bills,
    "derived-names": derived_names,
    "marked": marked,
}
AT_REST: dict[str, Callable[[Seen], Iterator[str]]] = {
    "ended": ended,
    "slots-free": slots_free,
    "champions-agree": champions_agree,
    "markers-agree": markers_agree,
    "all-told": all_told,
}
