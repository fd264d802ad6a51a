"""Deployments of an endpoint: a model of the workspace, served by a process of its own."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

from local.azureml.errors import bad_request, busy, inference_refuses, missing, unsupported
from local.azureml.records import Deployment, Endpoint
from local.azureml.tail import last_lines
from local.azureml.web import WS, Answer, Way, page
from local.azureml.wire import check_endpoint_name, properties_of, system_data, tags_alone

if TYPE_CHECKING:
    from local.azureml.assets import Assets
    from local.azureml.core import Core
    from local.azureml.quota import Quota
    from local.azureml.serving import Servers
    from local.azureml.web import Call, Json

_MODEL = re.compile(r".*/workspaces/[^/]+/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_MOVING = ("Creating", "Updating", "Deleting")
_NEEDS_ANOTHER_SERVER = ("model", "environmentVariables", "environmentId", "codeConfiguration")
_TAIL = 5000
# Both as others have seen them.
_ENDPOINT_GOES = (
    "This endpoint has not been created successfully or is in deleting provisioning state. Please recreate "
    "endpoint and then try again to create deployment."
)
_UNRECOVERABLE = (
    "Specified deployment [{}] failed during initial provisioning and is in an unrecoverable state. "
    "Delete and re-create."
)


class Deployments:
    """Creates, shows and deletes deployments; the servers serve them."""

    def __init__(self, core: Core, assets: Assets, servers: Servers, quota: Quota) -> None:
        """Keep deployments in the core's store; their models are `assets`."""
        self._settings = core.settings
        self._store = core.store
        self._clock = core.clock
        self._operations = core.operations
        self._assets = assets
        self._servers = servers
        self._quota = quota

    def ways(self) -> list[Way]:
        """Return the routes."""
        top = f"{WS}/onlineEndpoints/{{endpoint}}/deployments"
        one = f"{top}/{{name}}"
        return [
            Way("GET", top, self._list),
            Way("GET", one, lambda call: Answer(body=self._body(self._find(call)))),
            Way("PUT", one, self._put),
            Way("PATCH", one, self._patch),
            Way("DELETE", one, self._delete),
            Way("POST", f"{one}/getLogs", self._logs),
        ]

    def resume(self) -> None:
        """Give deployments their servers back, and finish deletions that had begun."""
        for deployment in self._store.all(Deployment):
            if deployment.state == "Deleting":
                self._remove_later(deployment)
            elif deployment.state != "Failed":
                self._servers.take_up(deployment)

    def remove_all(self, endpoint: str) -> None:
        """End the servers of an endpoint and forget its deployments. Returns when they are gone."""
        for deployment in self._store.all(Deployment, f"{endpoint}/"):
            self._store.change(Deployment, deployment.key, lambda kept: replace(kept, state="Deleting"))
            self._remove(deployment)

    def _find(self, call: Call) -> Deployment:
        self._find_endpoint(call)
        key = f"{call.path['endpoint']}/{call.path['name']}"
        found = self._store.get(Deployment, key)
        if found is None:
            raise missing("deployment", key, code="ResourceNotFound")
        return found

    def _find_endpoint(self, call: Call) -> Endpoint:
        found = self._store.get(Endpoint, call.path["endpoint"])
        if found is None:
            raise missing("endpoint", call.path["endpoint"], code="ResourceNotFound")
        return found

    def _list(self, call: Call) -> Answer:
        endpoint = self._find_endpoint(call)
        return page([self._body(item) for item in self._store.all(Deployment, f"{endpoint.name}/")])

    def _put(self, call: Call) -> Answer:
        sent = call.json()
        body = properties_of(sent)
        check_endpoint_name("a deployment", call.path["name"])
        self._check(body)
        with self._store.transaction():
            if self._find_endpoint(call).state == "Deleting":
                raise inference_refuses("", _ENDPOINT_GOES)
            before = self._store.get(Deployment, f"{call.path['endpoint']}/{call.path['name']}")
            if before and before.state == "Failed" and not before.served:
                raise inference_refuses("", _UNRECOVERABLE.format(before.name))
            self._quota.check_deployment(call.path["endpoint"], body, sent, before)
            kept = self._kept(call, body, sent, before)
            self._store.put(kept.key, kept)
        if before is None or kept.turn != before.turn:
            self._servers.keep(kept)
        headers = self._operations.begin("Deployment", kept.key, "put")
        return Answer(200 if before else 201, self._body(kept), headers)

    def _patch(self, call: Call) -> Answer:
        tags = tags_alone(call.json(), "sku")
        key, now = self._find(call).key, self._clock.stamp()

        def tagged(found: Deployment) -> Deployment:
            return replace(found, resource={**found.resource, "tags": tags}, modified=now)

        kept = self._store.change(Deployment, key, tagged)
        return Answer(body=self._body(kept or self._find(call)))

    def _check(self, body: Json) -> None:
        if body.get("endpointComputeType", "Managed") != "Managed":
            raise unsupported(f"deployment on {body['endpointComputeType']}; only Managed")
        coded = bool(body.get("codeConfiguration"))
        model = str(body.get("model") or "")
        if coded and not model:
            return
        if model.startswith("azureml://registries/"):
            raise unsupported("deployment of a registry's model; only models of the workspace")
        match = _MODEL.fullmatch(model)
        if match is None:
            raise bad_request(f"A deployment needs the id of a model of the workspace; found '{model}'.")
        asset = self._assets.find("model", match["name"], match["version"])
        if asset.body.get("modelType") != "mlflow_model" and not coded:
            kind = asset.body.get("modelType")
            raise unsupported(f"server for a {kind} without a scoring script; only for an mlflow_model")

    def _kept(self, call: Call, body: Json, sent: Json, before: Deployment | None) -> Deployment:
        now = self._clock.stamp()
        resource = {key: sent[key] for key in ("tags", "sku") if sent.get(key)}
        if before is None:
            endpoint, name = call.path["endpoint"], call.path["name"]
            return Deployment(
                endpoint=endpoint, name=name, body=body, resource=resource, created=now, modified=now
            )
        changed = replace(before, body=body, resource=resource, modified=now)
        if (before.body, before.resource) == (body, resource) and before.state != "Failed":
            return before
        if before.state in _MOVING:
            raise busy(f"Deployment '{before.key}' is {before.state}; wait until that has ended.")
        same = all(before.body.get(key) == body.get(key) for key in _NEEDS_ANOTHER_SERVER)
        if same and before.state == "Succeeded":
            return changed
        return replace(changed, state="Updating", error=None, turn=before.turn + 1)

    def _delete(self, call: Call) -> Answer:
        key = f"{call.path['endpoint']}/{call.path['name']}"
        found = self._store.change(Deployment, key, lambda kept: replace(kept, state="Deleting"))
        if found is None:
            return Answer(204)
        headers = self._operations.begin("Deployment", key, "delete")
        self._remove_later(found)
        return Answer(202, None, headers)

    def _remove_later(self, deployment: Deployment) -> None:
        threading.Thread(
            target=self._remove, args=(deployment,), name=f"delete {deployment.key}", daemon=True
        ).start()

    def _remove(self, deployment: Deployment) -> None:
        self._servers.end(deployment.key)

        def without(endpoint: Endpoint) -> Endpoint:
            shares = {
                kind: {k: v for k, v in endpoint.body[kind].items() if k != deployment.name}
                for kind in ("traffic", "mirrorTraffic")
            }
            return replace(endpoint, body={**endpoint.body, **shares})

        with self._store.transaction():
            self._store.delete(Deployment, deployment.key)
            self._store.change(Endpoint, deployment.endpoint, without)
        self._servers.forget(deployment.key)

    def _logs(self, call: Call) -> Answer:
        deployment = self._find(call)
        asked = call.json() if call.content else {}
        kind = asked.get("containerType") or "InferenceServer"
        log = self._servers.log(deployment.key, kind)
        return Answer(body={"content": last_lines(log, int(asked.get("tail") or _TAIL))})

    def _body(self, deployment: Deployment) -> Json:
        place = self._settings.place
        identity = f"{place.id}/onlineEndpoints/{deployment.endpoint}/deployments/{deployment.name}"
        shown = {
            "scaleSettings": {"scaleType": "Default"},
            "environmentVariables": {},
            "properties": {},
            "endpointComputeType": "Managed",
            **{key: value for key, value in deployment.body.items() if value is not None},
            "provisioningState": deployment.state,
        }
        return {
            "id": identity,
            "name": deployment.name,
            "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
            "location": place.location,
            "kind": "Managed",
            "tags": deployment.resource.get("tags", {}),
            "sku": deployment.resource.get("sku", {"name": "Default", "capacity": 1}),
            "systemData": system_data(deployment.created, deployment.modified),
            "properties": shown,
        }
