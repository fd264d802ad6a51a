"""Machines, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.domain.sizes import Size, Tier, Usage
    from shared.domain.survey import Cluster


@dataclass(frozen=True)
class ClusterSpec:
    """A cluster to be made: it scales to no node at all, and an idle node goes after `idle_seconds`."""

    name: str
    size: str
    max_nodes: int
    tier: Tier
    tags: Mapping[str, str]
    idle_seconds: int = 120


class Computes(Protocol):
    """Clusters of the workspace; sizes and quotas of its region. Making begins and returns."""

    def find(self, name: str) -> Cluster:
        """Look at a cluster; raises Missing."""

    def all(self) -> Iterator[Cluster]:
        """List every cluster of the workspace; other kinds of compute are left out."""

    def create(self, spec: ClusterSpec) -> None:
        """Begin to make a cluster; one that is there stays as it is."""

    def location(self) -> str:
        """Name the workspace's region, as `eastus2`."""

    def sizes(self) -> Mapping[str, Size]:
        """List the machine sizes that the region offers, by lower-case name."""

    def usages(self) -> tuple[Usage, ...]:
        """List cores in use and allowed: the subscription's in this region, and this workspace's own."""
