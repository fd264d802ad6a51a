"""The job's parameters, before they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain import parameters
from shared.domain.errors import Rejected
from shared.domain.preflight.said import recipe_error, warning
from shared.domain.survey import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.domain.survey import Survey


def check(run: Run, recipe: Recipe, survey: Survey) -> Iterator[Finding]:
    """Name every wrong parameter of the recipe, and what of the model's defaults is not sent."""
    defaults = run.base_model.defaults if run.base_model else {}
    try:
        merged = parameters.merge(survey.inputs, defaults, recipe.training)
    except Rejected as fault:
        yield Finding(fault.problem.code, "error", fault.problem.message, _help(run))
        return
    for key, why in merged.dropped.items():
        yield warning("model-default-dropped", f"The model's default {key} is not sent ({why}).")
    if merged.values.get("evaluation_strategy") == "disable":
        yield recipe_error(
            "evaluation-disabled",
            "training.evaluation_strategy is disable: no loss on the held-out rows would be known, and the "
            "first gate could not tell whether the model learned anything.",
            "Write epoch or steps",
            run,
        )


def _help(run: Run) -> str:
    return (
        f"Mend the recipe's training section, then drop again: droptune drop FILE --recipe {run.recipe_name}"
    )
