"""Managed online endpoints: address, keys, traffic."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

from local.azureml import traffic
from local.azureml.errors import bad_request, busy, missing
from local.azureml.identity import AZURE_ML
from local.azureml.records import Deployment, Endpoint, GoneEndpoint
from local.azureml.web import WS, Answer, Way, paged
from local.azureml.wire import check_endpoint_name, properties_of, system_data, tags_alone

if TYPE_CHECKING:
    from local.azureml.core import Core
    from local.azureml.deployments import Deployments
    from local.azureml.mishaps import Mishaps
    from local.azureml.quota import Quota
    from local.azureml.web import Call, Json

_MODES = ("Key", "AMLToken", "AADToken")
_INVENTED = ("createdBy", "createdAt", "lastModifiedAt")  # the SDK sends these back out of systemData


class Endpoints:
    """Creates, shows, updates and deletes endpoints."""

    def __init__(self, core: Core, quota: Quota, mishaps: Mishaps) -> None:
        """Keep endpoints in the core's store; `mishaps` are what the admin API orders."""
        self._quota = quota
        self._mishaps = mishaps
        self._settings = core.settings
        self._store = core.store
        self._clock = core.clock
        self._operations = core.operations
        self._issuer = core.issuer

    def ways(self, deployments: Deployments) -> list[Way]:
        """Return the routes; `deployments` go with their endpoint."""
        one = f"{WS}/onlineEndpoints/{{endpoint}}"
        return [
            Way("GET", f"{WS}/onlineEndpoints", self._all),
            Way("GET", one, lambda call: Answer(body=self._body(self._find(call)))),
            Way("PUT", one, self._put),
            Way("PATCH", one, self._patch),
            Way("DELETE", one, lambda call: self._delete(call, deployments)),
            Way("POST", f"{one}/listKeys", self._keys),
            Way("POST", f"{one}/regenerateKeys", self._regenerate),
            Way("POST", f"{one}/token", self._token),
        ]

    def resume(self, deployments: Deployments) -> None:
        """Finish the deletions that an earlier process had begun."""
        for endpoint in self._store.all(Endpoint):
            if endpoint.state == "Deleting":
                self._remove_later(endpoint.name, deployments)

    def _all(self, call: Call) -> Answer:
        return paged(call, self._store.numbered(Endpoint), self._body)

    def _find(self, call: Call) -> Endpoint:
        found = self._store.get(Endpoint, call.path["endpoint"])
        if found is None:
            raise missing("endpoint", call.path["endpoint"], code="ResourceNotFound")
        return found

    def _put(self, call: Call) -> Answer:
        name, sent = call.path["endpoint"], call.json()
        check_endpoint_name("an endpoint", name)
        body = _checked(properties_of(sent))
        with self._store.transaction():
            before = self._store.get(Endpoint, name)
            if before and before.state == "Deleting":
                raise busy(f"Endpoint '{name}' is being deleted.")
            if before and before.body["authMode"] != body["authMode"]:
                raise bad_request(
                    f"The auth mode of endpoint '{name}' is {before.body['authMode']}; it stays."
                )
            if before is None:
                self._quota.check_endpoint(name)
            self._check_traffic(name, body)
            kept = self._kept(name, body, sent, before)
            self._store.put(name, kept)
        shown = self._body(kept)
        shown["properties"]["provisioningState"] = "Updating" if before else "Creating"
        return Answer(200 if before else 201, shown, self._operations.begin("Endpoint", name, "put"))

    def _patch(self, call: Call) -> Answer:
        tags = tags_alone(call.json(), "identity")
        name, now = self._find(call).name, self._clock.stamp()

        def tagged(found: Endpoint) -> Endpoint:
            return replace(found, resource={**found.resource, "tags": tags}, modified=now)

        kept = self._store.change(Endpoint, name, tagged)
        return Answer(body=self._body(kept or self._find(call)))

    def _kept(self, name: str, body: Json, sent: Json, before: Endpoint | None) -> Endpoint:
        now = self._clock.stamp()
        resource = {key: sent[key] for key in ("tags", "identity", "location") if sent.get(key)}
        if before:
            return replace(before, body=body, resource=resource, modified=now, state="Succeeded", error=None)
        mishap = self._mishaps.take("endpoint", name)
        return Endpoint(
            name=name,
            body=body,
            resource=resource,
            primary=secrets.token_urlsafe(24),
            secondary=secrets.token_urlsafe(24),
            created=now,
            modified=now,
            state="Failed" if mishap else "Succeeded",
            error=mishap.error if mishap else None,
        )

    def _check_traffic(self, name: str, body: Json) -> None:
        there = {deployment.name for deployment in self._store.all(Deployment, f"{name}/")}
        traffic.check(name, body["traffic"], body["mirrorTraffic"], there)

    def _delete(self, call: Call, deployments: Deployments) -> Answer:
        name = call.path["endpoint"]
        found = self._store.change(Endpoint, name, lambda endpoint: replace(endpoint, state="Deleting"))
        if found is None:
            return Answer(204)
        headers = self._operations.begin("Endpoint", name, "delete")
        self._remove_later(name, deployments)
        return Answer(202, None, headers)

    def _remove_later(self, name: str, deployments: Deployments) -> None:
        def remove() -> None:
            deployments.remove_all(name)
            self._store.delete(Endpoint, name)
            self._store.put(name, GoneEndpoint(name=name, gone=self._clock.stamp()))

        threading.Thread(target=remove, name=f"delete {name}", daemon=True).start()

    def _keys(self, call: Call) -> Answer:
        endpoint = self._find(call)
        if endpoint.body["authMode"] != "Key":
            raise bad_request(f"Endpoint '{endpoint.name}' is not of auth mode Key: it has no keys.")
        return Answer(body={"primaryKey": endpoint.primary, "secondaryKey": endpoint.secondary})

    def _regenerate(self, call: Call) -> Answer:
        endpoint, asked = self._find(call), call.json()
        if endpoint.body["authMode"] != "Key":
            raise bad_request(f"Endpoint '{endpoint.name}' is not of auth mode Key: it has no keys.")
        which = str(asked.get("keyType")).lower()
        if which not in ("primary", "secondary"):
            raise bad_request(f"keyType must be Primary or Secondary; found {asked.get('keyType')}.")
        given = asked.get("keyValue")
        # The SDK sends the key that there is, and means another.
        value = str(given) if given and given != getattr(endpoint, which) else secrets.token_urlsafe(24)
        self._store.change(Endpoint, endpoint.name, lambda kept: replace(kept, **{which: value}))
        return Answer(202, None, self._operations.begin("Endpoint", endpoint.name, "put"))

    def _token(self, call: Call) -> Answer:
        endpoint = self._find(call)
        token, end = self._issuer.token(f"{AZURE_ML}/{endpoint.name}")
        return Answer(
            body={
                "accessToken": token,
                "expiryTimeUtc": end,
                "refreshAfterTimeUtc": end - 1800,
                "tokenType": "Bearer",
            }
        )

    def _body(self, endpoint: Endpoint) -> Json:
        place = self._settings.place
        scoring = f"{self._settings.url}/score/{endpoint.name}"
        identity = {"principalId": place.tenant, "tenantId": place.tenant}
        return {
            "id": f"{place.id}/onlineEndpoints/{endpoint.name}",
            "name": endpoint.name,
            "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
            "location": place.location,
            "kind": "Managed",
            "tags": endpoint.resource.get("tags", {}),
            "identity": {**endpoint.resource.get("identity", {"type": "SystemAssigned"}), **identity},
            "systemData": system_data(endpoint.created, endpoint.modified),
            "properties": {
                **endpoint.body,
                "scoringUri": scoring,
                "swaggerUri": f"{scoring}/swagger.json",
                "provisioningState": endpoint.state,
            },
        }


def _checked(properties: Json) -> Json:
    if properties.get("authMode") not in _MODES:
        raise bad_request(f"authMode must be one of {', '.join(_MODES)}; found {properties.get('authMode')}.")
    kept = {key: value for key, value in (properties.get("properties") or {}).items() if key not in _INVENTED}
    return {
        "description": properties.get("description"),
        "authMode": properties["authMode"],
        "properties": kept,
        "traffic": _shares(properties.get("traffic")),
        "mirrorTraffic": _shares(properties.get("mirrorTraffic")),
        "publicNetworkAccess": properties.get("publicNetworkAccess", "Enabled"),
    }


def _shares(given: Json | None) -> dict[str, int]:
    return {name: int(share) for name, share in (given or {}).items()}
