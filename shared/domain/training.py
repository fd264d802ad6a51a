"""The second part of a run's life: the job and its model."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.actions import (
    Action,
    ChooseVersion,
    Close,
    LeaveTraining,
    Move,
    ReadMetrics,
    RegisterModel,
    SubmitJob,
    Wait,
)
from shared.domain.errors import Problem
from shared.domain.intake import superseded
from shared.domain.names import deployment
from shared.domain.run import State

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.facts import Facts, JobFacts
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run


def training(run: Run, facts: Facts, recipe: Recipe, now: datetime) -> Action:
    """Make the job, watch it, keep its figures."""
    job = facts.job
    if job is None:
        return SubmitJob()
    if job.status == "completed":
        return _trained(run, facts, recipe)
    if job.over:
        return _job_failed(run, job)
    if run.job_started and now >= run.job_started + timedelta(hours=recipe.cost.max_job_hours):
        hours = f"{recipe.cost.max_job_hours:g} h"
        return Close(
            State.FAILED,
            f"the job ran longer than {hours}",
            Problem(
                "job-overran",
                f"The job {run.job} ran longer than cost.max_job_hours ({hours}) and is cancelled.",
                f"Raise cost.max_job_hours or train less, then: droptune retry {run.name}",
            ),
        )
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
    return Move(State.DEPLOYING, reason, changes={"deployment": deployment(run.name)})


def _trained(run: Run, facts: Facts, recipe: Recipe) -> Action:
    if not run.metrics_read:
        return ReadMetrics()
    if run.place in facts.lane.training:
        return LeaveTraining()
    if recipe.approval in {"gate", "always"}:
        return Move(
            State.AWAITING_APPROVAL, "the recipe asks for approval before serving", figures=run.metrics
        )
    return Move(State.REGISTERING, f"job {run.job} completed", figures=run.metrics)


def _job_failed(run: Run, job: JobFacts) -> Action:
    outside = job.status == "canceled"
    what = "was cancelled outside Droptune" if outside else f"failed: {job.error or 'no reason was given'}"
    log = f" The end of its log: {job.log}" if job.log else ""
    return Close(
        State.FAILED,
        f"the job {what}",
        Problem(
            "job-canceled" if outside else "job-failed",
            f"The job {run.job} {what}.{log}",
            f"See its page {run.job_url or 'in the studio'}; to train again: droptune retry {run.name}",
        ),
    )
