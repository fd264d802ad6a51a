"""Runs, lanes and drops for tests, with everything a test does not mention filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from shared.domain import run as runs
from shared.domain.base_model import ResolvedModel
from shared.domain.cost import Estimate
from shared.domain.drops import Drop
from shared.domain.facts import Facts
from shared.domain.lane import Champion, Lane, Place
from shared.domain.recipe import Recipe
from shared.domain.run import Prepared, Run, State

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def drop(
    path: str = "support/a.jsonl", *, minutes: float = 0, etag: str = "0x1", retrain: bool = False
) -> Drop:
    return Drop(path, etag, NOON + timedelta(minutes=minutes), 1000, retrain)


def run(state: State = State.RECEIVED, recipe: Recipe | None = None, **fields: Any) -> Run:
    dropped = fields.pop("drop", drop())
    new = runs.received(dropped, NOON, recipe=recipe or Recipe(), recipe_etag="0x2", problem=None)
    if state is not State.RECEIVED:
        new = runs.moved(new, state, "a test put it there", NOON)
    return replace(new, **fields)


def prepared(verdict: str = "usable", findings: tuple[dict[str, Any], ...] = ()) -> Prepared:
    return Prepared("r/1", verdict, "100 rows", {"train": 80}, {}, findings, "d" * 64, "s" * 64)


def base_model() -> ResolvedModel:
    return ResolvedModel("azureml://registries/azureml/models/Phi-4/versions/8", "Phi-4", "8", {}, {})


def estimate(usd: float | None = 4.0) -> Estimate:
    """An estimate, 1 hour at `usd`; None: nobody knows the price."""
    return Estimate(
        tokens=1000,
        epochs=3,
        nodes=1,
        size="Standard_NC24ads_A100_v4",
        hourly_usd=usd,
        hours=(0.5, 1.0, 2.0),
        usd=None if usd is None else (usd / 2, usd, usd * 2),
        basis="a test",
        serving_usd=3.673,
    )


def champion(name: str = "support-20261124110000-aaaaaaaa", *, minutes: float = -60) -> Champion:
    place = Place(NOON + timedelta(minutes=minutes), name)
    return Champion(place, "support-12345678", "rold", "Phi-4-support", "1", NOON)


def facts(lane: Lane | None = None, **fields: Any) -> Facts:
    return Facts(lane=lane or Lane(recipe="support"), **fields)


def drop_place(name: str) -> Place:
    return Place(NOON, name)
