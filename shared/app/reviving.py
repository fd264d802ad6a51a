"""Bring a retired run's deployment back from its registered model: under the deploy slot, and tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from shared.app.ledger import Ledger
from shared.domain import run as runs
from shared.domain.errors import Changed, Missing, Permanent
from shared.domain.run import State

if TYPE_CHECKING:
    from shared.domain.run import Run
    from shared.ports import World

TRIES = 5
COMING = frozenset({State.DEPLOYING, State.TESTING, State.PROMOTING})


def revive(world: World, recipe: str, by: str, version: str | None = None) -> Run:
    """Send the recipe's newest retired run, or the one with this model version, back to `deploying`.

    What serves already, or is on its way to, is given as it is: twice is once. Raises Permanent where there
    is nothing to bring back, or where it would replace a newer model; but a version that is named may come
    back over one that came by `serving.strategy: replace`, for there that is the way back.
    """
    ledger = Ledger(world.ledger)
    there = _there(ledger, recipe, version)
    if there is not None:
        return there
    chosen = _retired(ledger, recipe, version)
    over = ledger.lane(recipe).lane.newer_than(chosen.place)
    if over and not (version and _replaced(ledger, recipe)):
        raise Permanent(
            "revive-older",
            f"A newer model of {recipe!r} is in service than {chosen.model}:{chosen.model_version}.",
            f"Where that one is wrong: droptune rollback {recipe}",
        )
    _look_at_the_model(world, chosen)
    return _bring_back(world, chosen.name, by, over=over)


def _bring_back(world: World, name: str, by: str, *, over: bool) -> Run:
    ledger = Ledger(world.ledger)
    for _ in range(TRIES):
        held = ledger.load(name)
        if held.run.state is not State.RETIRED:
            return held.run
        try:
            revived = ledger.save(held, _revived(world, held.run, by, over=over)).run
        except Changed:
            continue
        world.steps.send(revived.name)
        return revived
    raise Permanent("run-busy", f"The run {name} changed {TRIES} times meanwhile.", "Try it again.")


def _there(ledger: Ledger, recipe: str, version: str | None) -> Run | None:
    """Find the run that serves or is on its way to; None where none is, or not with this version."""
    lane = ledger.lane(recipe).lane
    names = [lane.champion.place.run] if lane.champion else []
    for name in [*names, *([lane.deploying] if lane.deploying else [])]:
        try:
            run = ledger.load(name).run
        except Missing:
            continue  # a sweep holds the slot
        if run.state in {State.LIVE, *COMING} and version in {None, run.model_version}:
            return run
    return None


def _retired(ledger: Ledger, recipe: str, version: str | None) -> Run:
    others = []
    for run in ledger.of_recipe(recipe):
        if run.model_version is None or run.state not in {State.RETIRED, *COMING}:
            continue
        if version in {None, run.model_version}:
            return run
        others += [] if run.model_gone else [run.model_version]
    what = f"with the model version {version} " if version else ""
    there = (
        f"Those that can come back: {', '.join(others)}." if others else "See what there is: droptune runs"
    )
    raise Permanent(
        "nothing-retired",
        f"No run of {recipe!r} {what}is retired, so there is no model to bring back.",
        there,
    )


def _look_at_the_model(world: World, run: Run) -> None:
    try:
        world.models.find(run.model or "", run.model_version or "")
    except Missing as missing:
        raise Permanent(
            "model-gone",
            f"The model {run.model}:{run.model_version} is not registered any more.",
            f"Train it again: droptune drop FILE --recipe {run.recipe_name} --retrain",
        ) from missing


def _replaced(ledger: Ledger, recipe: str) -> bool:
    """Tell whether the champion came by `replace`: no previous deployment is there to roll back to."""
    champion = ledger.lane(recipe).lane.champion
    try:
        run = ledger.load(champion.place.run).run if champion else None
    except Missing:
        return False
    return bool(run and run.recipe and run.recipe.serving.strategy == "replace")


def _revived(world: World, run: Run, by: str, *, over: bool) -> Run:
    """Start again at `deploying`; the endpoint is the lane's, where it was kept.

    over: over a newer model, which makes room as this one did.
    """
    now, recipe = world.now(), run.recipe
    if over and recipe is not None:
        recipe = replace(recipe, serving=replace(recipe.serving, strategy="replace"))
    again = runs.moved(run, State.DEPLOYING, f"revived by {by}", now, by=by)
    again = replace(again, recipe=recipe, back=over, rollout=None, drained={})
    return replace(again, endpoint=None, deploying=None, smoke=None, problem=None, due=now, wake=run.wake + 1)
