"""The first gate: what training itself shows, before a model is registered or anything is deployed.

The component never logs a value that is not a number, so a loss that is missing has diverged. Losses are
compared on the very same rows alone: with the base model's, where a job that evaluates before its first step
measured it on them, and with the champion's, where its evaluation set had the same digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.domain import comparing
from shared.domain.errors import Problem

if TYPE_CHECKING:
    from shared.domain.facts import Baseline
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run

LOSS = "eval_loss"
# Both are logged at the end, the average only where it is a number.
ENDED, AVERAGE = "train_runtime", "train_loss"


def first(run: Run, recipe: Recipe, champion: Baseline | None = None) -> Problem | None:
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
    allowed = None if few(run, recipe) else _allowed(run, recipe, champion)
    if champion is not None and allowed is not None and loss > allowed:
        what = (
            f"{said}, more than evaluation.max_regression ({recipe.evaluation.max_regression:g}) above the "
            f"champion's {champion.loss:.4g} on the same rows ({champion.run})."
        )
        return _stopped(run, "gate-regression", what, "Look at the new rows, or raise the limit")
    fault = comparing.fault(run, recipe)
    return _stopped(run, *fault) if fault else None


def few(run: Run, recipe: Recipe) -> bool:
    """Tell whether the evaluation set is too small to judge by: a mean over few rows moves by chance."""
    rows = run.evaluation.rows if run.evaluation else None
    return rows is not None and rows < recipe.evaluation.min_rows


def told(run: Run, recipe: Recipe, champion: Baseline | None) -> str:
    """Say for people what the loss was compared with; a missing baseline is said to be missing."""
    return "; ".join([_loss_told(run, recipe, champion), *comparing.told(run, recipe)])


def _loss_told(run: Run, recipe: Recipe, champion: Baseline | None) -> str:
    if champion is None:
        return "no champion to compare with"
    if champion.loss is None:
        return f"no baseline: the champion {champion.run} has no loss on record"
    if not _same_rows(run, champion):
        return f"no baseline: the champion's loss ({champion.run}) was measured on other rows"
    said = f"eval_loss {run.metrics.get(LOSS, 0.0):.4g}, the champion's {champion.loss:.4g} on the same rows"
    if few(run, recipe):
        said += f"; too few rows to judge by (evaluation.min_rows {recipe.evaluation.min_rows})"
    return said


def figures(run: Run, recipe: Recipe, champion: Baseline | None) -> dict[str, Any]:
    """Give every metric with the limits it was held against."""
    known = {
        "eval_digest": run.evaluation.digest if run.evaluation else None,
        "eval_rows": run.evaluation.rows if run.evaluation else None,
        "max_eval_loss": recipe.evaluation.max_eval_loss,
        "base_eval_loss": run.base_eval_loss,
        "champion_eval_loss": champion.loss if champion and _same_rows(run, champion) else None,
        "max_with_regression": _allowed(run, recipe, champion),
    }
    found = {key: value for key, value in known.items() if value is not None}
    return run.metrics | found | comparing.figures(run, recipe)


def _same_rows(run: Run, champion: Baseline) -> bool:
    return run.evaluation is not None and champion.digest == run.evaluation.digest


def _allowed(run: Run, recipe: Recipe, champion: Baseline | None) -> float | None:
    """Give the largest loss that is no regression; None where there is nothing to compare with."""
    if champion is None or champion.loss is None or not _same_rows(run, champion):
        return None
    return champion.loss * (1 + recipe.evaluation.max_regression)


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
