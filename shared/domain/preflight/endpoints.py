"""Endpoints and deployments: their names, and how many more there may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.domain import names
from shared.domain.preflight.said import place_error, recipe_error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.domain.survey import Finding, Survey

NAME = re.compile(r"[a-zA-Z](?:[-a-zA-Z0-9]{1,30})[a-zA-Z0-9]")
INSTANCES = 50  # of one deployment (Microsoft Learn, "Manage quotas")
SWEEP = "See what there is (droptune endpoints) and take away what nobody uses (droptune sweep)"


def check(run: Run, recipe: Recipe, survey: Survey) -> Iterator[Finding]:
    """Hold names against Azure ML's rule, and numbers against the subscription's limits."""
    for what, name in (("endpoint", survey.endpoint), ("deployment", names.deployment(run.name))):
        if not NAME.fullmatch(name) or "--" in name:
            message = (
                f"{name!r} cannot name {what}: 3 to 32 letters, digits and single dashes, a letter first."
            )
            yield recipe_error("endpoint-name", message, "Rename the recipe", run)
    if recipe.serving.instance_count > INSTANCES:
        count = recipe.serving.instance_count
        message = f"serving.instance_count is {count}; a deployment has at most {INSTANCES}."
        yield recipe_error("too-many-instances", message, "Lower it", run)
    if recipe.serving.strategy == "replace" and survey.champion is not None:
        message = (
            f"serving.strategy is replace: {survey.endpoint} will answer nothing from the deletion of the "
            "deployment in service until the new one is ready and tested."
        )
        yield warning("serving-downtime", message, "blue_green has no gap; it needs room for two")
    if survey.endpoints is None or survey.deployments is None:
        why = survey.unknown.get("endpoints", "no answer")
        yield warning("endpoints-unknown", f"How many endpoints there are could not be had: {why}")
        return
    yield from _counts(run, survey, survey.endpoints, survey.deployments)


def _counts(run: Run, survey: Survey, endpoints: int, deployments: int) -> Iterator[Finding]:
    limits = survey.limits
    if survey.beside is None and endpoints >= limits.endpoints:
        yield _full(run, "endpoint-quota", f"{endpoints} endpoints", limits.endpoints, "ENDPOINTS_MAX")
    if deployments >= limits.deployments:
        yield _full(
            run, "deployment-quota", f"{deployments} deployments", limits.deployments, "DEPLOYMENTS_MAX"
        )
    if survey.beside is not None and survey.beside >= limits.deployments_beside:
        what, setting = f"{survey.beside} deployments on {survey.endpoint}", "DEPLOYMENTS_PER_ENDPOINT_MAX"
        yield _full(run, "deployment-quota", what, limits.deployments_beside, setting)


def _full(run: Run, code: str, found: str, limit: int, setting: str) -> Finding:
    message = f"There are {found} already, and the limit is {limit}."
    return place_error(code, message, f"{SWEEP}; where Azure raised yours, set {setting}", run)
