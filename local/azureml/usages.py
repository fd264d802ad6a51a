"""The subscription's quota in this region: how much is there, who holds how much, what does not fit.

Names and types are those seen on live answers (family names such as `standardNCADSA100v4Family`, once as
dedicated, once as low priority without a limit); Azure's own published example has others.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from local.azureml import catalogue
from local.azureml.demands import demands
from local.azureml.errors import AzureError, inference_refuses
from local.azureml.records import Compute, Deployment, Job
from local.azureml.region import CLUSTERS, DEDICATED, LOW_PRIORITY, families
from local.azureml.web import REGION, Way, page

if TYPE_CHECKING:
    from local.azureml.core import Core
    from local.azureml.demands import Demand
    from local.azureml.region import Region
    from local.azureml.web import Json

RESERVE = 1.2
UNLIMITED = -1
_LOW = "LowPriority"
_KIND = "Microsoft.MachineLearningServices/{}/usages"


class Usages:
    """Counts what clusters at work and deployments hold, and refuses what goes over the quota."""

    def __init__(self, core: Core, region: Region) -> None:
        """Count in the core's store."""
        self._place = core.settings.place
        self._store = core.store
        self._region = region

    def ways(self) -> list[Way]:
        """Return the route."""
        return [Way("GET", f"{REGION}/usages", lambda _: page(self.list()))]

    def list(self) -> list[Json]:
        """Return every usage as the management plane does."""
        held = self._held()
        dedicated = sum(cores for (low, _), cores in held.items() if not low)
        low = sum(cores for (low, _), cores in held.items() if low)
        totals = [
            (CLUSTERS, "totalCores", "Total Clusters", len(self._store.all(Compute))),
            (DEDICATED, "dedicatedCores", "Total Cluster Dedicated Regional vCPUs", dedicated),
            (LOW_PRIORITY, "lowPriorityCores", "Total Cluster Low Priority Regional vCPUs", low),
        ]
        found = [self._usage(*total, self._region.limit(total[0])) for total in totals]
        for family in families():
            for tier, low_tier in (("Dedicated", False), (_LOW, True)):
                kind = "lowPriorityCores" if low_tier else "dedicatedCores"
                limit = UNLIMITED if low_tier else self._region.limit(family)
                label = f"{_words(family)} Family Cluster {tier} vCPUs"
                found.append(self._usage(family, kind, label, held[low_tier, family.lower()], limit))
        return found

    def _usage(self, name: str, kind: str, label: str, ours: int, limit: int) -> Json:
        others = self._region.held_by_others(name) if limit != UNLIMITED else 0
        return {
            "id": f"/subscriptions/{self._place.subscription}/usages/{name}",
            "type": _KIND.format(kind),
            "unit": "Count",
            "amlWorkspaceLocation": self._place.location,
            "currentValue": ours + others,
            "limit": limit,
            "name": {"value": name, "localizedValue": label},
        }

    def check_cluster(self, size: Json, priority: str, nodes: int) -> None:
        """Refuse a cluster of which not even one node, or its least number, fits the quota itself.

        Raises:
            AzureError: 400 ClusterMinNodesExceedCoreQuota.

        """
        needed = max(nodes, 1) * int(size["vCPUs"])
        low = priority == _LOW
        quota = self._region.limit(LOW_PRIORITY if low else size["family"])
        if needed > quota:
            of = "total" if low else f"{_words(size['family'])} family"
            message = (
                f"The specified subscription has a {of} vCPU quota of {quota} and cannot accomodate for at "
                f"least {max(nodes, 1)} requested managed compute nodes which maps to {needed} vCPUs."
            )
            raise AzureError(400, "ClusterMinNodesExceedCoreQuota", message)

    def check_deployment(self, size: Json, more: int) -> None:
        """Refuse `more` instances of `size`, with the reserve for upgrades, that don't fit what is left.

        Raises:
            AzureError: 400 as the inferencing service words it.

        """
        needed = reserved(size, more)
        for name in (size["family"], DEDICATED):
            held = self.in_use(name)
            limit = self._region.limit(name)
            if needed > limit - held:
                raise inference_refuses(
                    "VmSize",
                    f"Not enough quota available for {size['name']} in SubscriptionId "
                    f"{self._place.subscription}. Current usage/limit: {held}/{limit}. Additional needed: "
                    f"{needed} Please see troubleshooting guide, available here: "
                    "https://aka.ms/oe-tsg#error-outofquota",
                )

    def in_use(self, name: str) -> int:
        """Return how many dedicated vCPUs of a family, or of all, are held by anybody."""
        held = self._held()
        ours = sum(
            cores
            for (low, family), cores in held.items()
            if not low and (name == DEDICATED or family == name.lower())
        )
        return ours + self._region.held_by_others(name)

    def _held(self) -> Counter[tuple[bool, str]]:
        """Count vCPUs by tier and family: an idle cluster holds none, a failed deployment its instances."""
        held: Counter[tuple[bool, str]] = Counter()
        for deployment in self._store.all(Deployment):
            size = catalogue.size(str(deployment.body.get("instanceType")))
            if size:
                count = int((deployment.resource.get("sku") or {}).get("capacity") or 1)
                held[False, size["family"].lower()] += reserved(size, count)
        for job in self._store.all(Job):
            if job.status == "Running":
                self._count_job(job, held)
        return held

    def _count_job(self, job: Job, held: Counter[tuple[bool, str]]) -> None:
        try:
            asked = list(demands(job.body))
        except AzureError:
            return
        for demand in asked:
            name, low = self._works_on(demand)
            size = catalogue.size(name)
            if size:
                held[low, size["family"].lower()] += demand.nodes * int(size["vCPUs"])

    def _works_on(self, demand: Demand) -> tuple[str, bool]:
        cluster = self._store.get(Compute, demand.compute)
        if cluster is None:
            return demand.size, False
        return str(cluster.body.get("vmSize")), cluster.body.get("vmPriority") == _LOW


def reserved(size: Json, instances: int) -> int:
    """Return the vCPUs that `instances` of a deployment hold: a fifth more than they have."""
    return math.ceil(round(instances * int(size["vCPUs"]) * RESERVE, 6))


def _words(family: str) -> str:
    """`standardNCADSA100v4Family` -> `Standard NCADSA100v4`."""
    inner = family.removesuffix("Family")
    return f"Standard {inner[len('standard') :]}"
