"""The gates on what the comparing step measured: surely no worse on the frozen set, nothing forgotten.

On the frozen set the burden is the challenger's: the lower end of its gain must be above the bound. That is
`evaluation.max_regression` of the champion's loss below nothing; against the base model it is nothing, for a
model that learned must be better. On the general set the burden is the gate's: every tuning moves that loss a
little, so it must surely be worse, and by more than `evaluation.max_forgetting` of what it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.domain.comparison import Paired
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run

LEAST_GENERAL = 8  # fewer chats prove nothing

Fault = tuple[str, str, str]


def fault(run: Run, recipe: Recipe) -> Fault | None:
    """Say why the comparison stops the model: code, what was found, what to do; None where it does not."""
    against, compared = _against(run), run.compared
    if against is None:
        return None
    if compared is None or compared.frozen is None:
        what = f"The job {run.job} logged no comparison with {against} on the held-out rows."
        return (
            "gate-not-compared",
            what,
            f"See the log of its step compare ({run.job_url or 'in the studio'})",
        )
    frozen, general = compared.frozen, compared.general
    if frozen.chats >= recipe.evaluation.min_rows and frozen.low <= bound(run, recipe, frozen):
        what = (
            f"It is not surely as good as {against} on the same held-out rows: {frozen.told()}; "
            f"expected the lower end above {bound(run, recipe, frozen):.4g}."
        )
        return "gate-compared", what, "Look at the new rows, or raise evaluation.max_regression"
    if general is not None and forgot(general, recipe):
        what = (
            f"It forgot what {against} knew: on the general set its loss is {general.challenger:.4g}, was "
            f"{general.reference:.4g}: surely worse (gain {general.gain:.4g}, 95 % sure below "
            f"{general.high:.4g}), and by more than evaluation.max_forgetting "
            f"({recipe.evaluation.max_forgetting:g}) of that, over {general.chats} chats."
        )
        return "gate-forgot", what, "Mix general chats into the rows, or train less"
    return None


def forgot(general: Paired, recipe: Recipe) -> bool:
    """Tell whether a challenger is surely worse on the general set, and by more than it may be."""
    lost = general.challenger - general.reference
    most = recipe.evaluation.max_forgetting * general.reference
    return general.chats >= LEAST_GENERAL and general.high < 0 and lost > most


def bound(run: Run, recipe: Recipe, frozen: Paired) -> float:
    """Give what the lower end of the gain must be above."""
    of_champion = run.evaluation is not None and run.evaluation.against and run.evaluation.against.run
    return -recipe.evaluation.max_regression * frozen.reference if of_champion else 0.0


def told(run: Run, recipe: Recipe) -> Iterator[str]:
    """Say for people what the comparison showed."""
    against = _against(run)
    if against is None or run.compared is None:
        return
    frozen, general = run.compared.frozen, run.compared.general
    if frozen is not None:
        few = frozen.chats < recipe.evaluation.min_rows
        weak = f" (too few to judge by: evaluation.min_rows {recipe.evaluation.min_rows})" if few else ""
        yield f"against {against}: {frozen.told()}{weak}"
    if general is not None:
        yield f"on the general set: {general.told()}"


def figures(run: Run, recipe: Recipe) -> dict[str, Any]:
    """Give the comparison's figures beside their limits, for the history."""
    found: dict[str, Any] = {}
    if _against(run) is None or run.compared is None:
        return found
    frozen, general = run.compared.frozen, run.compared.general
    if frozen is not None:
        found |= _plain("compared", frozen) | {"compared_bound": bound(run, recipe, frozen)}
    if general is not None:
        most = general.reference * (1 + recipe.evaluation.max_forgetting)
        found |= _plain("general", general) | {"general_max_loss": most}
    return found


def _plain(name: str, paired: Paired) -> dict[str, Any]:
    return {
        f"{name}_chats": paired.chats,
        f"{name}_loss": paired.challenger,
        f"{name}_was": paired.reference,
        f"{name}_gain": paired.gain,
        f"{name}_low": paired.low,
        f"{name}_high": paired.high,
    }


def _against(run: Run) -> str | None:
    against = run.evaluation.against if run.evaluation else None
    return against.told() if against else None
