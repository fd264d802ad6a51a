"""The second part of a run's life: the job and its model."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.domain import causes, cost, gate, names
from shared.domain.actions import (
    Action,
    ChooseVersion,
    Close,
    CreateCompute,
    FixEvaluation,
    LeaveTraining,
    Move,
    ReadMetrics,
    RegisterModel,
    SubmitJob,
    Wait,
)
from shared.domain.errors import Problem
from shared.domain.intake import superseded
from shared.domain.recipe import SERVERLESS
from shared.domain.run import State

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.facts import Facts, JobFacts
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.domain.survey import Cluster

MOST_PREEMPTIONS = 2
UNREADY = frozenset({"creating", "updating", "deleting"})


def training(run: Run, facts: Facts, recipe: Recipe, now: datetime) -> Action:
    """Make the job, watch it, keep its figures."""
    job = facts.job
    if job is None:
        return _compute(run, facts.cluster, recipe) or (SubmitJob() if run.evaluation else FixEvaluation())
    if job.changed:
        return _changed(run, job)
    if run.job_spec is None:
        return SubmitJob()  # made, but not written down: taken up again
    if job.status == "completed":
        return _trained(run, facts, recipe)
    if job.over:
        return _job_failed(run, job, now)
    if run.job_started and now >= run.job_started + timedelta(hours=recipe.cost.max_job_hours):
        return _overran(run, recipe)
    return Wait(f"job {run.job} is {job.status}", "job")


def registering(run: Run, facts: Facts, _recipe: Recipe, _now: datetime) -> Action:
    """Register the model under a version of its own."""
    if facts.lane.newer_than(run.place):
        return superseded(facts)
    if run.model_version is None:
        return ChooseVersion()
    if facts.model_run is None:
        return RegisterModel()
    if facts.model_run != run.name:
        return ChooseVersion()
    reason = f"model {run.model} version {run.model_version} is registered"
    return Move(State.DEPLOYING, reason, changes={"deployment": names.deployment(run.name)})


def _compute(run: Run, cluster: Cluster | None, recipe: Recipe) -> Action | None:
    """Make the cluster where the recipe says so, and wait for it; None where the job may be made."""
    name = recipe.compute.name
    if name == SERVERLESS:
        return None
    if cluster is None and recipe.compute.create:
        return CreateCompute()
    if cluster is None:
        return _failed(run, "compute-missing", f"The compute {name!r} is no longer there.", "Make it again")
    if cluster.state == "failed":
        why = "; ".join(cluster.errors) or "Azure ML gives no reason"
        mend = f"Delete it (az ml compute delete --name {name}) and make it again, or name another"
        return _failed(run, "compute-failed", f"The compute {name!r} could not be provisioned: {why}.", mend)
    return Wait(f"compute {name} is {cluster.state}") if cluster.state in UNREADY else None


def _trained(run: Run, facts: Facts, recipe: Recipe) -> Action:
    if not run.metrics_read:
        return ReadMetrics()
    champion = facts.baseline
    figures = gate.figures(run, recipe, champion)
    problem = gate.first(run, recipe, champion)
    if problem is not None:
        return Close(State.FAILED, problem.message, problem, figures=figures)
    if run.place in facts.lane.training:
        return LeaveTraining()
    figures |= _money(run)
    told = gate.told(run, recipe, champion)
    if recipe.approval in {"gate", "always"}:
        why = f"the recipe asks for approval before serving; {told}"
        return Move(State.AWAITING_APPROVAL, why, figures=figures)
    return Move(State.REGISTERING, f"job {run.job} completed; {told}", figures=figures)


def _money(run: Run) -> dict[str, Any]:
    """Name what the job cost beside what was foretold."""
    foretold = run.estimate.usd[1] if run.estimate and run.estimate.usd else None
    money = {"training_usd": run.spent_usd, "foretold_usd": foretold}
    return {name: value for name, value in money.items() if value is not None}


def _job_failed(run: Run, job: JobFacts, now: datetime) -> Action:
    if job.status == "canceled":
        return _failed(run, "job-canceled", f"The job {run.job} was cancelled outside Droptune.", _page(run))
    cause = causes.of(job.error, job.log, job.step)
    if cause is causes.PREEMPTED and run.preemptions < MOST_PREEMPTIONS:
        return _next_attempt(run, now)
    where = f" in step {job.step}" if job.step else ""
    told = f" ({cause.told})" if cause.told else ""
    often = f", {run.preemptions + 1} times" if cause is causes.PREEMPTED else ""
    log = f" The end of its log: {job.log}" if job.log else ""
    why = (job.error or "no reason was given").rstrip(". ")
    what = f"The job {run.job} failed{where}{told}{often}: {why}."
    helps = "" if cause is causes.UNKNOWN else f"{cause.helps}. "
    return _failed(run, f"job-{cause.code}", what, f"{helps}{_page(run)}", log)


def _next_attempt(run: Run, now: datetime) -> Move:
    attempt = run.job_attempt + 1
    return Move(
        State.TRAINING,
        f"job {run.job} was preempted; attempt {attempt} follows",
        changes={
            "job": names.job(run.name, attempt),
            "job_attempt": attempt,
            "earlier": (*run.earlier, cost.present(run, now)),
            "preemptions": run.preemptions + 1,
            "job_spec": None,
            "job_started": None,
            "job_url": None,
        },
    )


def _overran(run: Run, recipe: Recipe) -> Action:
    hours = f"{recipe.cost.max_job_hours:g} h"
    what = f"The job {run.job} ran longer than cost.max_job_hours ({hours}) and is cancelled."
    return _failed(run, "job-overran", what, "Raise cost.max_job_hours or train less")


def _changed(run: Run, job: JobFacts) -> Action:
    """End a run whose job says something else than it was made with."""
    fate = "It is cancelled." if job.ours else "It says that it is not this run's, and is left alone."
    what = (
        f"The job {run.job} was changed under its name: its tags are not those that this run gave it. {fate}"
    )
    return _failed(run, "job-changed", what, _page(run))


def _page(run: Run) -> str:
    return f"See its page {run.job_url or 'in the studio'}"


def _failed(run: Run, code: str, what: str, mend: str, log: str = "") -> Action:
    help_text = f"{mend}; to train again: droptune retry {run.name}"
    return Close(State.FAILED, what.rstrip("."), Problem(code, what + log, help_text))
