"""The first gate: what training itself shows, before a model is registered or anything is deployed.

The component never logs a value that is not a number, so a loss that is missing has diverged. The base
model's loss is known where it was measured on the very same held-out rows: by a job that evaluates before
its first step, this one or an earlier one with the same base model and evaluation digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.errors import Problem

if TYPE_CHECKING:
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run

LOSS = "eval_loss"
# Both are logged at the end, the average only where it is a number.
ENDED, AVERAGE = "train_runtime", "train_loss"


def first(run: Run, recipe: Recipe) -> Problem | None:
    """Say why the trained model goes no further; None where it may."""
    loss, most, base = run.metrics.get(LOSS), recipe.evaluation.max_eval_loss, run.base_eval_loss
    if loss is None or (ENDED in run.metrics and AVERAGE not in run.metrics):
        return _diverged(run, loss)
    said = f"The loss on the held-out rows is {loss:.4g}"
    if most is not None and loss > most:
        what = f"{said}, over evaluation.max_eval_loss ({most:g})."
        return _stopped(run, "gate-eval-loss", what, "Look at the rows and the curves, or raise the limit")
    if base is not None and loss >= base:
        what = f"{said}, not below the base model's {base:.4g} on them."
        mend = "The model learned nothing that the held-out rows show: train longer, or look at the rows"
        return _stopped(run, "gate-not-better", what, mend)
    return None


def _diverged(run: Run, loss: float | None) -> Problem:
    """Tell a loss that ceased to be a number by what was not logged: at the end, or already before."""
    if loss is None:
        code, what = "gate-no-eval-loss", "logged no loss on the held-out rows"
    else:
        code, what = "gate-diverged", "ended without an average training loss"
    told = ", ".join(f"{key} {value:.4g}" for key, value in sorted(run.metrics.items())) or "no metric at all"
    message = (
        f"The job {run.job} {what}: training diverged (a value that is no number is never logged). "
        f"It logged {told}."
    )
    return _stopped(run, code, message, "Lower training.learning_rate")


def _stopped(run: Run, code: str, message: str, mend: str) -> Problem:
    page = f"droptune show {run.name} --html OUT"
    command = f"droptune drop FILE --recipe {run.recipe_name} --retrain"
    return Problem(code, message, f"See the curves: {page}. {mend}, then train again: {command}")
