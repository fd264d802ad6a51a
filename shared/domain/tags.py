"""The tags that say whose a thing in Azure ML is. Those of people: keep and expires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.recipe import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.run import Run

INSTALLATION = "droptune-installation"
RUN = "droptune-run"
RECIPE = "droptune-recipe"
RECIPE_DIGEST = "droptune-recipe-digest"
DATA = "droptune-data"
BASE_MODEL = "droptune-base-model"
JOB = "droptune-job"
SPEC = "droptune-spec"
KEEP = "droptune-keep"
EXPIRES = "droptune-expires"
ADOPTED = "droptune-adopted"


def of(run: Run, installation: str) -> dict[str, str]:
    """Tag a thing made for `run`, so that it leads back to run, recipe, data and base model."""
    tags = {INSTALLATION: installation, RUN: run.name, RECIPE: run.recipe_name}
    if run.recipe is not None:
        tags[RECIPE_DIGEST] = digest(run.recipe)
    if run.prepared is not None:
        tags[DATA] = run.prepared.data_digest
    if run.base_model is not None:
        tags[BASE_MODEL] = run.base_model.id
    return tags


def lead_to(found: Mapping[str, str], installation: str, run: str) -> bool:
    """Tell whether a thing's tags say that this run of this installation made it."""
    return (found.get(INSTALLATION), found.get(RUN)) == (installation, run)
