"""What was found in the world before a run spends anything, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.domain.errors import Problem
    from shared.domain.sizes import Size, Tier, Usage


class Finding(msgspec.Struct, frozen=True):
    """One thing that stands in a run's way (error), or that nobody could tell beforehand (warning).

    help: of an error, ends with the exact next command.
    """

    code: str
    severity: Literal["error", "warning"]
    message: str
    help: str = ""


@dataclass(frozen=True)
class Cluster:
    """A compute cluster. state: Azure ML's provisioning state, lower case; errors: why it failed."""

    name: str
    size: str
    state: str
    max_nodes: int
    tier: Tier = "dedicated"
    min_nodes: int = 0
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """How many endpoints and deployments a subscription may have in a region; Azure raises them on request.

    The defaults are Azure's (Microsoft Learn, "Manage quotas", 2026-01).
    """

    endpoints: int = 100
    deployments: int = 500
    deployments_beside: int = 20


@dataclass(frozen=True)
class Served:
    """Machines that serve: their size and how many."""

    size: str
    count: int


@dataclass(frozen=True)
class WayBack:
    """The previous deployment, which has no traffic. until: how long it stays, quiet hours with it."""

    deployment: str
    served: Served
    until: datetime


@dataclass(frozen=True)
class Survey:
    """The world before anything is spent. None: could not be had, and why is in `unknown`.

    inputs: the component's; cluster: None where there is no such one; sizes: by lower-case name;
    beside: deployments on the run's own endpoint, None where that is still to be made; sets: what is wrong
    with the sets of chats that the recipe names.
    """

    inputs: Mapping[str, Mapping[str, Any]]
    cluster: Cluster | None = None
    sizes: Mapping[str, Size] | None = None
    usages: tuple[Usage, ...] | None = None
    endpoint: str = ""
    endpoints: int | None = None
    deployments: int | None = None
    beside: int | None = None
    champion: Served | None = None
    way_back: WayBack | None = None
    limits: Limits = field(default_factory=Limits)
    unknown: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[Problem, ...] = ()
