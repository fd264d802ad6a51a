"""How a finding ends: with the command that follows the mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.survey import Finding

if TYPE_CHECKING:
    from shared.domain.run import Run


def recipe_error(code: str, message: str, mend: str, run: Run) -> Finding:
    """Refuse for what the recipe says: it governs the run to its end, so the mended one needs a new drop."""
    command = f"droptune drop FILE --recipe {run.recipe_name}"
    return Finding(code, "error", message, f"{mend}, then drop again: {command}")


def place_error(code: str, message: str, mend: str, run: Run, instead: str = "") -> Finding:
    """Refuse for what the workspace lacks: once that is mended, the same run can go on.

    instead: what the recipe could say, which needs a new drop.
    """
    other = (
        f"{instead}, then drop again (droptune drop FILE --recipe {run.recipe_name}). Or: " if instead else ""
    )
    return Finding(code, "error", message, f"{other}{mend}, then: droptune retry {run.name}")


def warning(code: str, message: str, advice: str = "") -> Finding:
    """Let it pass, and say it."""
    return Finding(code, "warning", message, advice)
