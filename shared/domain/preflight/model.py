"""The base model: archived, retired, or not for tuning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.domain import names
from shared.domain.base_model import successor
from shared.domain.preflight.said import recipe_error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from shared.domain.base_model import Catalogue, ResolvedModel
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.domain.survey import Finding

TASK = "chat-completion"
MODEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")


def check(run: Run, recipe: Recipe, now: datetime) -> Iterator[Finding]:
    """Hold what the catalogue publishes about the model against the day."""
    base = run.base_model
    if base is None:
        return
    yield from _name(run, base)
    known = base.catalogue
    if known is None:
        yield warning(
            "model-unpublished",
            f"The registry's own record of {base.name}:{base.version} could not be read: whether it is "
            "archived or retired, and which sizes it may use, is not known.",
        )
        return
    yield from _service(run, recipe, base, known, now)
    if known.tasks is not None and TASK not in known.tasks:
        tasks = ", ".join(known.tasks) or "none"
        message = f"{base.name}:{base.version} cannot be tuned for {TASK}; it is published for: {tasks}."
        yield recipe_error("model-not-tunable", message, "Name another in base_model.name, as Phi-4", run)


def _service(
    run: Run, recipe: Recipe, base: ResolvedModel, known: Catalogue, now: datetime
) -> Iterator[Finding]:
    allowed, end = recipe.base_model.allow_retired, known.retired
    if end is not None and end <= now:
        yield _refused(run, base, "model-retired", f"is retired since {end:%Y-%m-%d}", allowed=allowed)
    elif known.archived:
        when = f"; it retires on {end:%Y-%m-%d}" if end else "; no date of retirement is published"
        yield _refused(run, base, "model-archived", f"is archived in its registry{when}", allowed=allowed)
    elif end is not None:
        message = f"{base.name}:{base.version} retires on {end:%Y-%m-%d}.{_next(base)}"
        yield warning("model-retires", message)
    else:
        message = f"Nothing is published about when {base.name}:{base.version} retires."
        yield warning("model-retirement-unknown", message)


def _refused(run: Run, base: ResolvedModel, code: str, what: str, *, allowed: bool) -> Finding:
    message = f"The base model {base.name}:{base.version} {what}.{_next(base)}"
    if allowed:
        return warning(code, f"{message} The recipe allows it (base_model.allow_retired).")
    mend = "Name another in base_model.name, or write base_model.allow_retired: true where it works for you"
    return recipe_error(code, message, mend, run)


def _next(base: ResolvedModel) -> str:
    follower = successor(base.name)
    return f" Its successor for tuning is {follower}." if follower else ""


def _name(run: Run, base: ResolvedModel) -> Iterator[Finding]:
    name = names.model(base.name, run.recipe_name)
    if not MODEL_NAME.fullmatch(name):
        message = (
            f"{name!r} cannot name a registered model: letters, digits, _ . and - are allowed, at most 255."
        )
        yield recipe_error("model-name", message, "Rename the recipe", run)
