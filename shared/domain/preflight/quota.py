"""Cores: what the run needs at its peak, by family, against what the subscription may use.

The peak is tuning, the champion and the challenger at once: while a new model is deployed, the old one still
serves, and the next drop may be in training. With `serving.strategy: replace` the champion goes first. The
previous deployment that stays for a way back is no part of it: it goes by itself, and the run waits for that.
Azure ML keeps a fifth of the serving machines in reserve for upgrades; its list of sizes exempts the large
GPU ones, where the reserve is a warning alone.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.domain import sizes
from shared.domain.preflight.compute import nodes, training_size
from shared.domain.preflight.said import place_error, warning
from shared.domain.recipe import SERVERLESS
from shared.domain.survey import Served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.domain.recipe import Recipe
    from shared.domain.run import Run
    from shared.domain.sizes import Size, Tier, Usage
    from shared.domain.survey import Finding, Survey, WayBack


WAY_BACK = "way back"
LATER = "To wait less, lower serving.keep_previous_hours for the next drops, or ask for more quota"
MORE = "Ask for more in the studio (Quota, then the family)"


@dataclass(frozen=True)
class Part:
    """Cores that one part of the peak takes. new: they are not in use yet."""

    what: str
    family: str
    cores: int
    spare: int
    tier: Tier
    new: bool


def check(run: Run, recipe: Recipe, survey: Survey) -> Iterator[Finding]:
    """Add up each family's peak and hold it against the quota."""
    if survey.usages is None or survey.sizes is None:
        why = survey.unknown.get("usages") or survey.unknown.get("sizes", "no answer")
        yield warning(
            "quota-unknown", f"Quotas could not be had: {why} Whether the cores suffice is not known."
        )
        return
    parts = list(_parts(recipe, survey, survey.sizes))
    for family, tier in dict.fromkeys((one.family, one.tier) for one in parts if one.what != WAY_BACK):
        mine = [part for part in parts if (part.family, part.tier) == (family, tier)]
        one = sizes.quota(survey.usages, family, tier) if tier == "dedicated" else None
        quota = one or (sizes.total(survey.usages, tier) if tier == "low_priority" else None)
        if quota is None:
            yield warning("quota-unknown", f"No {tier} quota of the family {family} is published.")
        else:
            yield from _held(run, survey.way_back, family, mine, quota)
    everything = sizes.total(survey.usages, "dedicated")
    dedicated = [part for part in parts if part.tier == "dedicated"]
    if everything is not None and len({part.family for part in dedicated}) > 1:
        yield from _held(run, survey.way_back, "of all families", dedicated, everything)


def tier(recipe: Recipe, survey: Survey) -> Tier:
    """Choose a new cluster's tier: dedicated, but low priority where dedicated has no quota for it."""
    size = (survey.sizes or {}).get(recipe.compute.size.lower())
    if recipe.compute.tier == "low_priority" or size is None or survey.usages is None:
        return recipe.compute.tier
    quota = sizes.quota(survey.usages, size.family)
    spare = sizes.total(survey.usages, "low_priority")
    cores = nodes(recipe) * size.vcpus
    poor = quota is not None and quota.limit != sizes.UNLIMITED and quota.limit < cores
    has_room = size.low_priority and (spare is None or _room(spare) >= cores)
    return "low_priority" if poor and has_room else "dedicated"


def _parts(recipe: Recipe, survey: Survey, known: Mapping[str, Size]) -> Iterator[Part]:
    size = known.get(training_size(recipe, survey.cluster).lower())
    if size is not None:
        how = survey.cluster.tier if survey.cluster else tier(recipe, survey)
        how = "dedicated" if recipe.compute.name == SERVERLESS else how
        yield Part("tuning", size.family, nodes(recipe) * size.vcpus, 0, how, new=True)
    challenger = Served(recipe.serving.instance_type, recipe.serving.instance_count)
    champion = None if recipe.serving.strategy == "replace" else survey.champion
    # What makes room is in use now, and its cores are the challenger's then.
    freed = champion is not survey.champion
    stays = survey.way_back.served if survey.way_back else None
    for what, served, new in (
        ("champion", champion, False),
        ("challenger", challenger, not freed),
        (WAY_BACK, stays, False),
    ):
        size = known.get(served.size.lower()) if served else None
        if size is not None and served is not None:
            cores = sizes.reserved(served.size, served.count) * size.vcpus
            spare = math.ceil(sizes.RESERVE * served.count) * size.vcpus - cores
            yield Part(what, size.family, cores, spare, "dedicated", new=new)


def _held(run: Run, stays: WayBack | None, family: str, every: list[Part], quota: Usage) -> Iterator[Finding]:
    if quota.limit == sizes.UNLIMITED:
        return
    parts = [part for part in every if part.what != WAY_BACK]
    peak = Counter({part.what: part.cores for part in parts})
    told = " + ".join(f"{cores} {what}" for what, cores in peak.items())
    need = f"The peak of this recipe takes {peak.total()} cores {family} ({told})"
    if peak.total() > quota.limit:
        message = f"{need}; the quota is {quota.limit}."
        other = "Name another size in the recipe"
        if peak["champion"] and peak.total() - peak["champion"] <= quota.limit:
            other += ", or write serving.strategy: replace (nothing answers while the models change)"
        yield place_error("quota-too-small", message, MORE, run, instead=other)
        return
    yield from _in_use(stays, family, every, quota)
    reserve = sum(part.spare for part in parts)
    if reserve and peak.total() + reserve > quota.limit:
        yield warning(
            "quota-reserve",
            f"{need}, and {reserve} more if Azure ML keeps its reserve for upgrades, which its list exempts "
            f"these sizes from; the quota is {quota.limit}.",
        )


def _in_use(stays: WayBack | None, family: str, parts: list[Part], quota: Usage) -> Iterator[Finding]:
    """Tell what stands in the way just now: the previous deployment, or anything else."""
    new, room = sum(part.cores for part in parts if part.new), _room(quota)
    waits = _waits(parts, quota.limit)
    if waits and stays:
        kept = sum(part.cores for part in parts if part.what == WAY_BACK)
        room += kept
        yield warning(
            "quota-way-back",
            f"{stays.deployment} stays for a way back until {stays.until:%F %T} UTC and takes {kept} of "
            f"{quota.limit} cores {family}. Until the first sweep after that {' and '.join(waits)}.",
            LATER,
        )
    if new > room:
        yield warning(
            "quota-in-use",
            f"Of {quota.limit} cores {family} {quota.used} are in use just now and {new} more are needed: "
            "the job may wait, or the deployment may find no room.",
        )


def _waits(parts: list[Part], limit: int) -> list[str]:
    """Say what finds no room beside the previous deployment, in the order in which it comes."""
    if not any(part.what == WAY_BACK for part in parts):
        return []
    tuning = sum(part.cores for part in parts if part.what == "tuning")
    serving = sum(part.cores for part in parts if part.what != "tuning")
    there = sum(part.cores for part in parts if part.what != "tuning" and not part.new)
    waits = ["the job waits in Azure ML's queue"] if tuning and tuning + there > limit else []
    if serving > limit:
        waits.append("the run waits for room for its deployment, three hours at most")
    return waits


def _room(quota: Usage) -> float:
    return math.inf if quota.limit == sizes.UNLIMITED else quota.limit - quota.used
