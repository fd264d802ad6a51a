"""Preflight: all that would stop a run on Azure ML, said at once, before anything is spent.

An error ends the run; a warning is kept in it. What nobody publishes is a warning, never a pass.
docs/training.md lists every code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.errors import Problem
from shared.domain.preflight import compute, endpoints, model, parameters, quota
from shared.domain.preflight.said import place_error

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.domain.survey import Finding, Survey

__all__ = ["check", "problem", "reason"]


def check(run: Run, recipe: Recipe, survey: Survey, now: datetime) -> tuple[Finding, ...]:
    """Look at everything and list all that is found, errors first."""
    found = [
        *parameters.check(run, recipe, survey),
        *model.check(run, recipe, now),
        *compute.check(run, recipe, survey, now),
        *quota.check(run, recipe, survey),
        *endpoints.check(run, recipe, survey),
        *(place_error(one.code, one.message, one.help, run) for one in survey.sets),
    ]
    return tuple(sorted(found, key=lambda one: one.severity != "error"))


def problem(run: Run, found: tuple[Finding, ...]) -> Problem | None:
    """Say why the run cannot go on: the error, or all of them; None where there is none."""
    errors = [one for one in found if one.severity == "error"]
    if not errors:
        return None
    if len(errors) == 1:
        return Problem(errors[0].code, errors[0].message, errors[0].help)
    told = " ".join(f"({number}) {one.message}" for number, one in enumerate(errors, 1))
    return Problem(
        "preflight-failed",
        f"{len(errors)} things stand in the way. {told}",
        f"See what to do about each: droptune show {run.name}",
    )


def reason(found: tuple[Finding, ...]) -> str:
    """Say the same in a line of the history: the error itself, or the codes of all."""
    errors = [one for one in found if one.severity == "error"]
    if len(errors) == 1:
        return errors[0].message.rstrip(".")
    return f"{len(errors)} things stand in the way: {', '.join(dict.fromkeys(one.code for one in errors))}"
