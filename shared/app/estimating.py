"""Foretell what a run costs, and learn from what it did cost.

runs/costs/rates/<model>/<size>/<run>: a measured throughput, in its metadata.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.app import spending
from shared.app.gather import or_none
from shared.app.reports import report_of
from shared.domain import cost, parameters
from shared.domain.cost import Estimate, Load
from shared.domain.errors import DroptuneError, Missing
from shared.domain.preflight.compute import training_size
from shared.domain.recipe import SERVERLESS

if TYPE_CHECKING:
    from shared.app.claim import Work
    from shared.domain import actions
    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.ports import World

log = logging.getLogger(__name__)
RATES = "costs/rates"
MOST = 20


def estimate(work: Work, _action: actions.Estimate) -> None:
    """Keep the estimate in the run; what cannot be known is unknown, and a person decides."""
    recipe = work.run.recipe
    if recipe is None:
        return
    found = _estimate(work, recipe)
    work.update(lambda run: replace(run, estimate=found))


def learn(work: Work) -> None:
    """Write down the throughput of the run's job, which has just ended well; a lost figure hinders nobody."""
    run, now = work.run, work.world.now()
    took = cost.trained_hours(run, now)
    if run.estimate is None or run.base_model is None or not run.estimate.tokens or took <= 0:
        return
    known = run.estimate
    load = Load(run.base_model.name, known.tokens, known.epochs, known.nodes, known.size, 1)
    try:
        name = f"{_folder(run.base_model.name, known.size)}{run.name}"
        work.world.ledger.put(name, b"", {"rate": f"{cost.rate(load, took):.3f}"})
    except DroptuneError as error:
        log.warning("run %s: its throughput is not written down: %s", run.name, error.problem.code)


def _estimate(work: Work, recipe: Recipe) -> Estimate:
    world, run = work.world, work.run
    load = _load(world, run, recipe)
    hourly = spending.hourly(world, load.size, load.tier)
    hours, basis = cost.hours(load, _measured(world, load))
    if not load.tokens:
        hours, basis = None, "nobody counted the tokens"
    everywhere = hourly * load.nodes if hourly is not None else None
    if hourly is None:
        basis += f"; nobody knows the price of {load.size}"
    month = spending.this_month(world, work.ledger, run, recipe) if recipe.cost.monthly_budget_usd else None
    return Estimate(
        tokens=load.tokens,
        epochs=load.epochs,
        nodes=load.nodes,
        size=load.size,
        hourly_usd=everywhere,
        hours=hours,
        usd=cost.dollars(hours, everywhere, recipe.cost.max_job_hours),
        basis=basis,
        serving_usd=spending.serving_hourly(world, recipe),
        month=month,
    )


def _load(world: World, run: Run, recipe: Recipe) -> Load:
    base, compute = run.base_model, recipe.compute
    _component, inputs = world.models.component(world.component, recipe.base_model.registry)
    values = parameters.merge(inputs, base.defaults if base else {}, recipe.training).values
    cluster = or_none(lambda: world.computes.find(compute.name)) if compute.name != SERVERLESS else None
    size = training_size(recipe, cluster)
    offered = world.computes.sizes().get(size.lower())
    return Load(
        model=base.name if base else "",
        tokens=_tokens(world, run),
        epochs=float(values.get("num_train_epochs", 1)),
        nodes=int(values.get("num_nodes_finetune", 1)),
        size=size,
        gpus=offered.gpus if offered else 1,
        tier=cluster.tier if cluster else recipe.compute.tier,
    )


def _tokens(world: World, run: Run) -> int:
    """Read how many tokens the train part has, from the data set's report; 0: nobody counted."""
    try:
        report = msgspec.json.decode(report_of(world, run.name, "json"))
        total = int(report["statistics"]["estimated_tokens"])
    except (Missing, KeyError, TypeError, ValueError):
        return 0
    rows = run.prepared.rows if run.prepared else {}
    parts = sum(rows.get(part, 0) for part in ("train", "validation", "test"))
    return round(total * rows.get("train", 0) / parts) if parts else total


def _measured(world: World, load: Load) -> list[float]:
    found = sorted(world.ledger.names(_folder(load.model, load.size)), key=lambda one: one.modified)
    return [float(one.metadata["rate"]) for one in found[-MOST:] if "rate" in one.metadata]


def _folder(model: str, size: str) -> str:
    return f"{RATES}/{model}/{size.lower()}/"
