"""What a challenger is compared with, and on which general chats: chosen before the job, read after it.

general/<digest>.jsonl      in `prepared`: a general set that jobs read
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from shared.app import sets
from shared.app.gather import or_none
from shared.domain.comparison import Against, Compared, paired

if TYPE_CHECKING:
    from shared.app.claim import Work
    from shared.domain.lane import Evaluated
    from shared.domain.recipe import Recipe


def chosen(work: Work, recipe: Recipe, fixed: Evaluated) -> Evaluated:
    """Add the model to compare with and the general set, where the recipe compares."""
    if not recipe.evaluation.compare:
        return fixed
    general = sets.general(work.world, recipe)
    path = None if general is None else sets.put(work.world, "general", general)
    return replace(fixed, against=_against(work), general=path)


def _against(work: Work) -> Against:
    """Take the champion, where its model is still registered; else the base model."""
    champion, base = work.ledger.lane(work.run.recipe_name).lane.champion, work.run.base_model
    if champion is not None:
        name, version = champion.model, champion.model_version
        found = or_none(lambda: work.world.models.find(name, version))
        if found is not None:
            return Against(found.id, champion.place.run)
    return Against(base.id if base else "")


def read(work: Work) -> dict[str, Any]:
    """Pair what the comparing step measured; give the run's field that tells of it."""
    if work.run.evaluation is None or work.run.evaluation.against is None:
        return {}
    found = work.world.jobs.compared(work.run.job or "")
    sides = {
        name: paired(found.get(f"{name}_challenger", {}), found.get(f"{name}_reference", {}))
        for name in ("frozen", "general")
    }
    return {"compared": Compared(**sides)}
