"""Where the job runs and the model is served: clusters and machine sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain import sizes
from shared.domain.base_model import Catalogue
from shared.domain.preflight.said import place_error, recipe_error, warning
from shared.domain.recipe import SERVERLESS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.domain.survey import Cluster, Finding, Survey

TRAINING, SERVING = "tuning", "serving"
READER = (
    "Give the app's identity a role on the subscription that may read sizes and quotas (docs/roles.md): "
    "az role assignment create --role Reader --assignee IDENTITY --scope /subscriptions/ID"
)


def check(run: Run, recipe: Recipe, survey: Survey, now: datetime) -> Iterator[Finding]:
    """Look at the cluster, and at both sizes: where the job runs, and where the model is served."""
    yield from _cluster(run, recipe, survey)
    yield from _priority(run, recipe, survey)
    known = (run.base_model.catalogue if run.base_model else None) or Catalogue()
    pairs = (
        (TRAINING, training_size(recipe, survey.cluster), known.finetune_sizes),
        (SERVING, recipe.serving.instance_type, known.inference_sizes),
    )
    for use, size, listed in pairs:
        yield from _retired(run, use, size, now)
        yield from _listed(run, use, size, listed)
        yield from _offered(run, use, size, survey)


def training_size(recipe: Recipe, cluster: Cluster | None) -> str:
    """Tell the size of the machines the job runs on: the cluster's own, where there is one."""
    return cluster.size if cluster is not None and recipe.compute.name != SERVERLESS else recipe.compute.size


def nodes(recipe: Recipe) -> int:
    """Count the machines that the tuning step asks for."""
    asked = recipe.training.get("num_nodes_finetune", 1)
    try:
        return max(int(asked), 1)
    except (TypeError, ValueError, OverflowError):
        return 1  # what is wrong with it, the parameters' own check says


def _cluster(run: Run, recipe: Recipe, survey: Survey) -> Iterator[Finding]:
    wanted, cluster = recipe.compute, survey.cluster
    if wanted.name == SERVERLESS:
        return
    if cluster is None and not wanted.create:
        message = f"The workspace has no compute {wanted.name!r}."
        command = (
            f"az ml compute create --type amlcompute -n {wanted.name} --size {wanted.size} --min-instances 0"
        )
        yield place_error(
            "compute-missing", message, f"Make it ({command})", run, instead="Write compute.create: true"
        )
    if cluster is not None and cluster.state == "failed":
        why = "; ".join(cluster.errors) or "Azure ML gives no reason"
        message = f"The compute {cluster.name!r} could not be provisioned: {why}."
        command = f"az ml compute delete --name {cluster.name}"
        yield place_error("compute-failed", message, f"Delete it ({command}) and make it again", run)
    if cluster is not None and cluster.min_nodes > 0:
        message = f"The compute {cluster.name!r} keeps {cluster.min_nodes} nodes that bill when nothing runs."
        advice = f"Let it scale to nothing: az ml compute update --name {cluster.name} --min-instances 0"
        yield warning("compute-always-on", message, advice)
    most = cluster.max_nodes if cluster is not None else wanted.max_instances
    if nodes(recipe) > most:
        message = (
            f"training.num_nodes_finetune is {nodes(recipe)}, but {wanted.name!r} has at most {most} nodes."
        )
        yield recipe_error("compute-too-small", message, "Lower it, or let the cluster grow", run)
    if cluster is not None and cluster.size.lower() != wanted.size.lower():
        message = f"The compute {cluster.name!r} has the size {cluster.size}, not the recipe's {wanted.size}."
        yield warning("compute-other-size", message)


def _priority(run: Run, recipe: Recipe, survey: Survey) -> Iterator[Finding]:
    """Refuse to make a cluster at low priority of a size that Azure gives at the dedicated tier alone."""
    size = (survey.sizes or {}).get(recipe.compute.size.lower())
    makes = recipe.compute.create and survey.cluster is None and recipe.compute.name != SERVERLESS
    if makes and recipe.compute.tier == "low_priority" and size is not None and not size.low_priority:
        message = f"The size {size.name} cannot be had at low priority."
        yield recipe_error("size-dedicated-only", message, "Write compute.tier: dedicated", run)


def _retired(run: Run, use: str, size: str, now: datetime) -> Iterator[Finding]:
    end = sizes.retired(size)
    if end is not None and end <= now:
        message = f"The size {size} for {use} is retired since {end:%Y-%m-%d}. Its successor is {sizes.A100}."
        yield recipe_error("size-retired", message, _mend(use), run)


def _listed(run: Run, use: str, size: str, listed: tuple[str, ...] | None) -> Iterator[Finding]:
    """Hold a size against the model's published list, without regard to case."""
    code = "tuning-size-not-listed" if use == TRAINING else "serving-size-not-listed"
    if listed is not None and size.lower() not in {name.lower() for name in listed}:
        message = f"The size {size} is not among those published for {use} this model: {', '.join(listed)}."
        yield recipe_error(code, message, _mend(use), run)
    if listed is None and size.lower() in sizes.K80:
        message = f"The size {size} has K80 cards, which the pipeline does not support."
        yield recipe_error("size-k80", message, _mend(use), run)
    elif listed is None:
        yield warning(
            "sizes-unpublished", f"No list of sizes for {use} this model is published: {size} may not do."
        )


def _offered(run: Run, use: str, size: str, survey: Survey) -> Iterator[Finding]:
    if survey.sizes is None:
        if use == TRAINING:
            why = survey.unknown.get("sizes", "no answer")
            message = f"Which sizes the region offers, and with how many GPUs, could not be had: {why}"
            yield place_error("sizes-unknown", message, READER, run)
        return
    found = survey.sizes.get(size.lower())
    if found is None:
        message = f"The size {size} for {use} is not offered to this workspace in its region."
        yield recipe_error("size-not-offered", message, f"{_mend(use)} (az ml compute list-sizes)", run)
        return
    if found.gpus == 0 and use == TRAINING:
        yield recipe_error(
            "size-no-gpu", f"The size {size} has no GPU, and tuning needs one.", _mend(use), run
        )


def _mend(use: str) -> str:
    return f"Name another in {'compute.size' if use == TRAINING else 'serving.instance_type'}"
