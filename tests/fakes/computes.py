"""Fake of the port Computes: a region with a few sizes and ample quota, until a test says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.domain.errors import Missing, Permanent
from shared.domain.sizes import Size, Usage
from shared.domain.survey import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.ports import ClusterSpec
    from tests.fakes.faults import Faults

A100_FAMILY = "StandardNCADSA100v4Family"
SIZES = (
    Size("Standard_NC24ads_A100_v4", A100_FAMILY, 24, 1),
    Size("Standard_NC48ads_A100_v4", A100_FAMILY, 48, 2),
    Size("Standard_NC96ads_A100_v4", A100_FAMILY, 96, 4),
    Size("Standard_NC16as_T4_v3", "Standard NCASv3_T4 Family", 16, 1),
    Size("Standard_NC6s_v3", "standardNCSv3Family", 6, 1),
    Size("Standard_NC6", "standardNCFamily", 6, 1),
    Size("Standard_D12_v2", "standardDv2Family", 4, 0),
)
LONGEST_NAME = 32


class FakeComputes:
    """Clusters that are ready at the next look, unless a test holds or fails them."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.clusters = {"gpu-cluster": Cluster("gpu-cluster", "Standard_NC24ads_A100_v4", "succeeded", 2)}
        self.made: list[ClusterSpec] = []
        self.held = False
        self.offered = {size.name.lower(): size for size in SIZES}
        families = {size.family for size in SIZES}
        self.quotas = [Usage(family, "dedicated", 0, 1000) for family in families]
        self.quotas += [Usage("", "low_priority", 0, 1000)]

    # The port.

    def find(self, name: str) -> Cluster:
        with self._faults.call("computes.find"):
            if name not in self.clusters:
                raise Missing("azureml-missing", f"The compute {name} does not exist.")
            found = self.clusters[name]
            if found.state == "creating" and not self.held:
                self.clusters[name] = replace(found, state="succeeded")
            return self.clusters[name]

    def create(self, spec: ClusterSpec) -> None:
        with self._faults.call("computes.create"):
            if not 1 < len(spec.name) <= LONGEST_NAME or "/" in spec.name:
                raise Permanent("compute-name", f"{spec.name!r} cannot name a compute.", "Rename it.")
            if spec.size.lower() not in self.offered:
                raise Permanent("azureml-refused", f"The size {spec.size} is not offered.", "Name another.")
            if spec.name not in self.clusters:
                self.made.append(spec)
                self.clusters[spec.name] = Cluster(
                    spec.name, spec.size, "creating", spec.max_nodes, spec.tier
                )

    def all(self) -> Iterator[Cluster]:
        with self._faults.call("computes.all"):
            found = list(self.clusters.values())
        return iter(found)

    def location(self) -> str:
        with self._faults.call("computes.location"):
            return "eastus2"

    def sizes(self) -> Mapping[str, Size]:
        with self._faults.call("computes.sizes"):
            return dict(self.offered)

    def usages(self) -> tuple[Usage, ...]:
        with self._faults.call("computes.usages"):
            return tuple(self.quotas)

    # For tests.

    def limit(self, family: str, limit: int, used: int = 0) -> None:
        """Give a family another dedicated quota."""
        others = [usage for usage in self.quotas if usage.family != family]
        self.quotas = [*others, Usage(family, "dedicated", used, limit)]
