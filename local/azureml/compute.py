"""Compute clusters and the sizes that the region offers. Clusters are names: jobs run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from local.azureml import catalogue
from local.azureml.errors import bad_request, missing, unsupported
from local.azureml.records import Compute
from local.azureml.web import REGION, WS, Answer, Way, page
from local.azureml.wire import check_asset_name, properties_of, system_data

if TYPE_CHECKING:
    from local.azureml.core import Core
    from local.azureml.web import Call, Json

SERVERLESS = "serverless"


class Computes:
    """The workspace's clusters."""

    def __init__(self, core: Core) -> None:
        """Make the clusters that the settings name, where they are not there yet."""
        self._settings = core.settings
        self._store = core.store
        self._clock = core.clock
        self._operations = core.operations
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
            Way("GET", f"{REGION}/vmSizes", lambda _: page([_size(item) for item in catalogue.sizes()])),
        ]

    def check(self, name: str) -> None:
        """Refuse a job's compute that is neither `serverless` nor a cluster of this workspace.

        Raises:
            AzureError: 400, naming it.

        """
        if name != SERVERLESS and self._store.get(Compute, name) is None:
            raise bad_request(f"Compute '{name}' was not found in this workspace.", detail="ComputeNotFound")

    def _find(self, name: str) -> Compute:
        found = self._store.get(Compute, name)
        if found is None:
            raise missing("compute", name, code="ResourceNotFound")
        return found

    def _put(self, call: Call) -> Answer:
        name, body = call.path["name"], call.json()
        check_asset_name("a compute", name)
        outer = properties_of(body)
        if outer.get("computeType") != "AmlCompute":
            raise unsupported(f"compute of type {outer.get('computeType')}; only AmlCompute")
        inner = outer.get("properties") or {}
        if catalogue.size(str(inner.get("vmSize"))) is None:
            raise bad_request(f"The size '{inner.get('vmSize')}' is not offered in this region.")
        before = self._store.get(Compute, name)
        if before and before.body.get("vmSize", "").lower() != inner["vmSize"].lower():
            raise bad_request(f"Compute '{name}' exists with size {before.body['vmSize']}; it can't change.")
        kept = self._keep(name, inner, body.get("tags") or {})
        shown = self._body(kept)
        shown["properties"]["provisioningState"] = "Updating" if before else "Creating"
        headers = self._operations.begin("Compute", name, "put", family="computeOperationsStatus")
        return Answer(200 if before else 201, shown, headers)

    def _keep(self, name: str, inner: Json, tags: dict[str, str]) -> Compute:
        now = self._clock.stamp()
        fresh = Compute(name=name, body=inner, tags=tags, created=now, modified=now)
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

    def _body(self, compute: Compute) -> Json:
        place = self._settings.place
        return {
            "id": f"{place.id}/computes/{compute.name}",
            "name": compute.name,
            "type": "Microsoft.MachineLearningServices/workspaces/computes",
            "location": place.location,
            "tags": compute.tags,
            "systemData": system_data(compute.created, compute.modified),
            "properties": {
                "computeType": "AmlCompute",
                "computeLocation": place.location,
                "provisioningState": "Succeeded",
                "provisioningErrors": None,
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


def _size(item: Json) -> Json:
    shown = {key: value for key, value in item.items() if key != "hourlyUsd"}
    return {**shown, "osVhdSizeMB": 1047552, "premiumIO": True, "supportedComputeTypes": ["AmlCompute"]}
