"""Machine sizes and cores: what a region offers, what a subscription may use, what Azure has retired.

Sources, read 2026-11: Azure/EOL service_list.json (NCv3); Microsoft Learn, "N-series migration" (NC, NCv2,
ND); "Managed online endpoints SKU list" (which sizes need no reserve); "Manage quotas" (the reserve).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Tier = Literal["dedicated", "low_priority"]

A100 = "Standard_NC24ads_A100_v4"
RETIRED = (
    (re.compile(r"standard_nc(6|12|24|24r)(_promo)?"), datetime(2023, 8, 31, tzinfo=UTC)),
    (re.compile(r"standard_nc(6|12|24|24r)s_v2"), datetime(2023, 8, 31, tzinfo=UTC)),
    (re.compile(r"standard_nd(6|12|24|24r)s"), datetime(2023, 8, 31, tzinfo=UTC)),
    (re.compile(r"standard_nc24rs_v3"), datetime(2025, 3, 31, tzinfo=UTC)),
    (re.compile(r"standard_nc(6|12|24)s_v3"), datetime(2025, 9, 30, tzinfo=UTC)),
)
K80 = frozenset({"standard_nc6", "standard_nc12", "standard_nc24", "standard_nc24r"})
NO_RESERVE = re.compile(
    r"standard_(nc\d+ad(i?)s_(a100_v4|h100_v5)|nd96(a|am)sr_(a100_)?v4|nd40rs_v2|nd96isr?_h100_v5)"
)
RESERVE = 1.2
UNLIMITED = -1


@dataclass(frozen=True)
class Size:
    """A machine size that the region offers. family: as quotas are counted; gpus: of one machine.

    low_priority: it can be had at low priority too.
    """

    name: str
    family: str
    vcpus: int
    gpus: int
    low_priority: bool = True


@dataclass(frozen=True)
class Usage:
    """Cores in use and allowed at one tier, of one family or of all (none named); limit -1: no limit."""

    family: str
    tier: Tier
    used: int
    limit: int


def retired(size: str) -> datetime | None:
    """Tell when Azure retired a size; None where it did not, or nobody says so."""
    return next((at for shape, at in RETIRED if shape.fullmatch(size.lower())), None)


def reserved(size: str, instances: int) -> int:
    """Count the machines that a deployment's quota must hold: a fifth more, for upgrades, but for some."""
    return instances if NO_RESERVE.fullmatch(size.lower()) else math.ceil(RESERVE * instances)


def quota(usages: Iterable[Usage], family: str, tier: Tier = "dedicated") -> Usage | None:
    """Find a family's narrowest quota at a tier; no family: that over all of them."""
    found = [one for one in usages if one.tier == tier and plain(one.family) == plain(family)]
    return min(found, key=lambda one: math.inf if one.limit == UNLIMITED else one.limit, default=None)


def total(usages: Iterable[Usage], tier: Tier) -> Usage | None:
    """Find the quota over all families."""
    return quota(usages, "", tier)


def plain(text: str) -> str:
    """Write a family so that its spellings agree: `standard NCASv3_T4 Family`, `standardNCASv3T4Family`."""
    return re.sub(r"[\s_-]", "", text).lower()
