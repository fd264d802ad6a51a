"""Compute clusters and the sizes that the region offers. Clusters are names: jobs run on this machine."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from local.azureml import catalogue
from local.azureml.clock import parse, stamp
from local.azureml.errors import AzureError, bad_request, missing, unsupported
from local.azureml.records import Compute
from local.azureml.web import REGION, WS, Answer, Way, page
from local.azureml.wire import check_compute_name, properties_of, system_data

if TYPE_CHECKING:
    from datetime import datetime

    from local.azureml.core import Core
    from local.azureml.mishaps import Mishaps
    from local.azureml.region import Region
    from local.azureml.usages import Usages
    from local.azureml.web import Call, Json

SERVERLESS = "serverless"


class Computes:
    """The workspace's clusters."""

    def __init__(self, core: Core, region: Region, usages: Usages, mishaps: Mishaps) -> None:
        """Make the clusters that the settings name, where they are not there yet."""
        self._settings = core.settings
        self._store = core.store
        self._clock = core.clock
        self._operations = core.operations
        self._region = region
        self._usages = usages
        self._mishaps = mishaps
        for name, size in core.settings.computes:
            if core.store.get(Compute, name) is None:
                scale = {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT2M"}
                self._keep(name, {"vmSize": size, "scaleSettings": scale}, {})

    def ways(self) -> list[Way]:
        """Return the routes."""
        one = f"{WS}/computes/{{name}}"
        return [
            Way("GET", f"{WS}/computes", lambda _: page([self._body(c) for c in self._store.all(Compute)])),
            Way("GET", one, lambda call: Answer(body=self._body(self._find(call.path["name"])))),
            Way("PUT", one, self._put),
            Way("DELETE", one, self._delete),
            Way("POST", f"{one}/listNodes", self._nodes),
            Way("GET", f"{REGION}/vmSizes", lambda _: page([self._size(s) for s in self._region.sizes()])),
        ]

    def _nodes(self, call: Call) -> Answer:
        """Return no node: a cluster is a name here, scaled down whatever runs."""
        self._find(call.path["name"])
        return Answer(body={"nodes": []})

    def check(self, name: str) -> None:
        """Refuse a job's compute that is neither `serverless` nor a cluster of this workspace.

        Raises:
            AzureError: 400, naming it.

        """
        if name == SERVERLESS:
            return
        found = self._store.get(Compute, name)
        if found is None:
            raise bad_request(f"Compute '{name}' was not found in this workspace.", detail="ComputeNotFound")
        if self.state(found) == "Failed":
            raise bad_request(f"Compute '{name}' could not be provisioned.", detail="ComputeNotReady")

    def check_instance(self, name: str) -> None:
        """Refuse a serverless job's instance type that the region does not offer.

        Raises:
            AzureError: 400, naming it.

        """
        if self._region.size(name) is None:
            raise bad_request(f"The instance type '{name}' is not offered in this region.")

    def size(self, compute: str, instance: str) -> Json | None:
        """Return the size of a cluster's nodes, of `instance` for `serverless`; None if unknown."""
        found = self._store.get(Compute, compute)
        return catalogue.size(str(found.body.get("vmSize")) if found else instance)

    def _find(self, name: str) -> Compute:
        found = self._store.get(Compute, name)
        if found is None:
            raise missing("compute", name, code="ResourceNotFound")
        return found

    def _put(self, call: Call) -> Answer:
        name, body = call.path["name"], call.json()
        check_compute_name(name)
        outer = properties_of(body)
        if outer.get("computeType") != "AmlCompute":
            raise unsupported(f"compute of type {outer.get('computeType')}; only AmlCompute")
        inner = outer.get("properties") or {}
        self._check_size(inner)
        before = self._store.get(Compute, name)
        if before and before.body.get("vmSize", "").lower() != inner["vmSize"].lower():
            raise bad_request(f"Compute '{name}' exists with size {before.body['vmSize']}; it can't change.")
        kept = self._keep(name, inner, body)
        shown = self._body(kept)
        shown["properties"] |= {"provisioningState": "Updating" if before else "Creating"}
        shown["properties"] |= {"provisioningErrors": None}
        headers = self._operations.begin("Compute", name, "put", family="computeOperationsStatus")
        return Answer(200 if before else 201, shown, headers)

    def _check_size(self, inner: Json) -> None:
        name, priority = str(inner.get("vmSize")), str(inner.get("vmPriority") or "Dedicated")
        size = self._region.size(name)
        if size is None:
            raise AzureError(400, "InvalidPropertyValue", _not_offered(name, self._region.sizes()))
        if priority == "LowPriority" and self._is_barred(name):
            message = f"The VM size {name.upper()} is not allowed for LowPriority. "
            message += "Please convert to Dedicated or use a different VM size."
            raise AzureError(400, "UnsupportedVMSizeForLowPriority", message)
        scale = inner.get("scaleSettings") or {}
        self._usages.check_cluster(size, priority, int(scale.get("minNodeCount") or 0))

    def _is_barred(self, size: str) -> bool:
        """Tell whether a size cannot be had at low priority."""
        return size.lower() in {barred.lower() for barred in self._region.settings.not_at_low_priority}

    def _size(self, item: Json) -> Json:
        shown = {key: value for key, value in item.items() if key not in ("hourlyUsd", "retired")}
        if self._is_barred(str(item["name"])):
            shown["lowPriorityCapable"] = False
        return {**shown, "osVhdSizeMB": 1047552, "premiumIO": True, "supportedComputeTypes": ["AmlCompute"]}

    def _keep(self, name: str, inner: Json, sent: Json) -> Compute:
        now = self._clock.now()
        ready = now + timedelta(seconds=self._region.settings.compute_seconds)
        mishap = self._mishaps.take("compute", name)
        fresh = Compute(
            name=name,
            body=inner,
            tags=sent.get("tags") or {},
            identity=sent.get("identity"),
            created=stamp(now),
            modified=stamp(now),
            ready=stamp(ready),
            error=mishap.error if mishap else None,
        )
        before = self._store.get(Compute, name)
        kept = msgspec.structs.replace(fresh, created=before.created) if before else fresh
        self._store.put(name, kept)
        return kept

    def _delete(self, call: Call) -> Answer:
        name = call.path["name"]
        if self._store.get(Compute, name) is None:
            return Answer(204)
        self._store.delete(Compute, name)
        headers = self._operations.begin("Compute", name, "delete", family="computeOperationsStatus")
        return Answer(202, None, headers)

    def state(self, compute: Compute) -> str:
        """Return how far the cluster is provisioned."""
        return provisioning(compute, self._clock.now())

    def _body(self, compute: Compute) -> Json:
        place, state = self._settings.place, self.state(compute)
        return {
            "id": f"{place.id}/computes/{compute.name}",
            "name": compute.name,
            "type": "Microsoft.MachineLearningServices/workspaces/computes",
            "location": place.location,
            "tags": compute.tags,
            **({"identity": compute.identity} if compute.identity else {}),
            "systemData": system_data(compute.created, compute.modified),
            "properties": {
                "computeType": "AmlCompute",
                "computeLocation": place.location,
                "provisioningState": state,
                "provisioningErrors": [{"error": compute.error}] if state == "Failed" else None,
                "createdOn": compute.created,
                "modifiedOn": compute.modified,
                "properties": {
                    "vmPriority": "Dedicated",
                    "allocationState": "Steady",
                    "currentNodeCount": 0,
                    "targetNodeCount": 0,
                    **compute.body,
                },
            },
        }


def provisioning(compute: Compute, now: datetime) -> str:
    """Return a cluster's provisioning state at `now`."""
    if compute.ready and parse(compute.ready) > now:
        return "Creating"
    return "Failed" if compute.error else "Succeeded"


def _not_offered(name: str, sizes: list[Json]) -> str:
    supported = ",".join(size["name"].upper() for size in sizes)
    return (
        f"The specified value {name} for property Cluster.Properties.VMSize is not a supported VM size. "
        f"Supported VM sizes: {supported}"
    )
