"""Clusters, made through the SDK and looked at by plain calls; the region's sizes and quotas."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml.place import COMPUTES, Request
from shared.domain.errors import Missing, Permanent
from shared.domain.sizes import Size, Usage, plain
from shared.domain.survey import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.adapters.azureml.place import AzureMLPlace
    from shared.domain.sizes import Tier
    from shared.ports import ClusterSpec

LOG = logging.getLogger(__name__)
NAME = re.compile(r"[a-zA-Z](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?")


class AzureMLComputes:
    """`shared.ports.Computes` over one workspace and its region."""

    def __init__(self, place: AzureMLPlace) -> None:
        self._place = place

    def find(self, name: str) -> Cluster:
        """Look at a cluster; raises Missing."""
        path = f"{self._place.id}/computes/{quote(_checked(name), safe='')}"
        return _cluster(name, self._place.call(Request("GET", path, COMPUTES), f"the compute {name}"))

    def all(self) -> Iterator[Cluster]:
        """List every cluster of the workspace, page by page."""
        asked: Request | None = Request("GET", f"{self._place.id}/computes", COMPUTES)
        while asked:
            page = self._place.call(asked, "the computes")
            for found in page.get("value") or ():
                if str(found["properties"].get("computeType")).lower() == "amlcompute":
                    yield _cluster(str(found["name"]), found)
            asked = Request("GET", page["nextLink"]) if page.get("nextLink") else None

    def create(self, spec: ClusterSpec) -> None:
        """Begin to make a cluster; Azure ML would take a second PUT as a change of its scale.

        Its nodes read the credential-less datastores with the cluster's identity, and without one not at all
        (Microsoft Learn, "Set up authentication between Azure ML and other services", compute cluster).
        """
        from azure.ai.ml.entities import AmlCompute, IdentityConfiguration, ManagedIdentityConfiguration

        with self._place.sdk(f"the compute {_checked(spec.name)}") as sdk:
            with suppress(Missing):
                self.find(spec.name)
                return
            sdk.compute.begin_create_or_update(
                AmlCompute(
                    name=spec.name,
                    size=spec.size,
                    tier=spec.tier,  # in this spelling: of "LowPriority" the SDK makes "Lowpriority"
                    min_instances=0,
                    max_instances=spec.max_nodes,
                    idle_time_before_scale_down=spec.idle_seconds,
                    tags=dict(spec.tags),
                    identity=IdentityConfiguration(
                        type="user_assigned",
                        user_assigned_identities=[ManagedIdentityConfiguration(resource_id=jobs)],
                    )
                    if (jobs := self._place.jobs_identity)
                    else None,
                )
            )
        LOG.info("began to make compute %s of %s, %s", spec.name, spec.size, spec.tier)

    def location(self) -> str:
        """Name the workspace's region."""
        return self._place.location()

    def sizes(self) -> Mapping[str, Size]:
        """List the machine sizes that the region offers, by lower-case name."""
        found = [_size(one) for one in self._region("vmSizes", "the sizes of the region")]
        return {size.name.lower(): size for size in found}

    def usages(self) -> tuple[Usage, ...]:
        """List cores in use and allowed: the subscription's in this region, and this workspace's own."""
        mine = {f"/subscriptions/{self._place.subscription}".lower(), self._place.id.lower()}
        listed = [
            _usage(one)
            for one in self._region("usages", "the quotas of the region")
            if str(one.get("id", "")).lower().partition("/usages")[0] in mine
        ]
        return tuple(usage for usage in listed if usage is not None)

    def _region(self, part: str, what: str) -> Iterator[Mapping[str, Any]]:
        location = str(self._place.about()["location"])
        path = (
            f"/subscriptions/{self._place.subscription}/providers/Microsoft.MachineLearningServices"
            f"/locations/{quote(location, safe='')}/{part}"
        )
        asked: Request | None = Request("GET", path, COMPUTES)
        while asked:
            page = self._place.call(asked, what)
            yield from page.get("value") or ()
            asked = Request("GET", page["nextLink"]) if page.get("nextLink") else None


def _cluster(name: str, found: Mapping[str, Any]) -> Cluster:
    outer = found["properties"]
    inner = outer.get("properties") or {}
    priority = str(inner.get("vmPriority") or "").lower()
    return Cluster(
        name=name,
        size=str(inner.get("vmSize") or ""),
        state=str(outer.get("provisioningState") or "unknown").lower(),
        max_nodes=int((inner.get("scaleSettings") or {}).get("maxNodeCount") or 1),
        tier="low_priority" if priority == "lowpriority" else "dedicated",
        min_nodes=int((inner.get("scaleSettings") or {}).get("minNodeCount") or 0),
        errors=tuple(_error(one) for one in outer.get("provisioningErrors") or ()),
    )


def _error(found: Mapping[str, Any]) -> str:
    error = found.get("error") or found
    return ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))


def _size(found: Mapping[str, Any]) -> Size:
    return Size(
        name=str(found["name"]),
        family=str(found.get("family") or ""),
        vcpus=int(found.get("vCPUs") or 0),
        gpus=int(found.get("gpus") or 0),
        low_priority=found.get("lowPriorityCapable") is not False,
    )


def _usage(found: Mapping[str, Any]) -> Usage | None:
    """Read one quota of cores; None: of something else, as of clusters.

    Live answers name the family (`standardNCADSA100v4Family`) and tell the tier by type; Azure's published
    example tells both in words (`Standard NC Family Cluster Dedicated vCPUs`). Totals begin with Total.
    """
    name = found.get("name") or {}
    words = plain(str(name.get("localizedValue") or name.get("value") or ""))
    told = words + plain(str(found.get("type") or ""))
    if "lowpriority" not in told and "dedicated" not in told:
        return None
    family = "" if words.startswith("total") else re.sub(r"cluster(dedicated|lowpriority)vcpus$", "", words)
    tier: Tier = "low_priority" if "lowpriority" in told else "dedicated"
    return Usage(family, tier, int(found.get("currentValue") or 0), int(found.get("limit") or 0))


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Permanent(
            "compute-name",
            f"{name!r} cannot name a compute: 2 to 32 letters, digits and dashes, a letter first.",
            "Mend the recipe's compute.name, then drop again: droptune drop FILE --recipe RECIPE",
        )
    return name
