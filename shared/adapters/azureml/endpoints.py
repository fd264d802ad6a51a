"""Managed online endpoints and deployments: whole-resource PUTs that begin and return.

Plain calls and not the SDK's pollers: a run is looked at again when it is due, and no thread waits for hours.
Bodies as azure-ai-ml 1.35 sends them.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml import scoring
from shared.adapters.azureml.place import DEPLOYMENTS, ENDPOINTS
from shared.domain.errors import AlreadyThere, DroptuneError, Missing
from shared.domain.tags import INSTALLATION
from shared.ports import Deployment, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shared.adapters.azureml.place import AzureMLPlace
    from shared.ports import DeploymentSpec

AUTH = {"key": "Key", "entra": "AADToken"}
LOG_LINES, LOG_CHARACTERS = 50, 2000


class AzureMLEndpoints:
    """`shared.ports.Endpoints` over one workspace."""

    def __init__(self, place: AzureMLPlace) -> None:
        self._place = place

    def find(self, name: str) -> Endpoint:
        """Look at one; raises Missing."""
        return _endpoint(self._get(name))

    def all(self) -> Iterator[Endpoint]:
        """List every endpoint, page by page."""
        path, version = f"{self._place.id}/onlineEndpoints", ENDPOINTS
        while path:
            page = self._place.call("GET", path, version, "the endpoints")
            yield from (_endpoint(found) for found in page.get("value") or ())
            path, version = page.get("nextLink") or "", ""

    def create(self, name: str, auth: str, tags: Mapping[str, str]) -> None:
        """Begin to make one; one of ours that is there stays, another's raises AlreadyThere."""
        with suppress(Missing):
            found = self.find(name)
            if found.tags.get(INSTALLATION) != tags.get(INSTALLATION):
                raise AlreadyThere("endpoint-name-taken", f"The endpoint {name} is somebody else's.")
            return
        body = {
            "location": self._place.about()["location"],
            "properties": {"authMode": AUTH[auth], "properties": {}, "traffic": {}, "mirrorTraffic": {}},
            "identity": {"type": "SystemAssigned"},
            "tags": dict(tags),
        }
        self._place.call("PUT", self._path(name), ENDPOINTS, f"the endpoint {name}", body)

    def set_traffic(self, name: str, traffic: Mapping[str, int]) -> None:
        """Begin to move the traffic: read the whole resource, write it back with this traffic."""
        found = self._get(name)
        properties = found["properties"]
        body = {
            "location": found.get("location") or self._place.about()["location"],
            "properties": {
                "authMode": properties["authMode"],
                "properties": properties.get("properties") or {},
                "traffic": {deployment: share for deployment, share in traffic.items() if share},
                "mirrorTraffic": {},
            },
            "identity": {"type": (found.get("identity") or {}).get("type", "SystemAssigned")},
            "tags": found.get("tags") or {},
        }
        self._place.call("PUT", self._path(name), ENDPOINTS, f"the endpoint {name}", body)

    def delete(self, name: str) -> None:
        """Begin to delete one with its deployments."""
        with suppress(Missing):
            self._place.call("DELETE", self._path(name), ENDPOINTS, f"the endpoint {name}")

    def deployment(self, endpoint: str, name: str) -> Deployment:
        """Look at one; raises Missing."""
        path = self._path(endpoint, name)
        return _deployment(endpoint, self._place.call("GET", path, DEPLOYMENTS, f"the deployment {name}"))

    def deployments(self, endpoint: str) -> Sequence[Deployment]:
        """List those of one endpoint; one that is gone has none."""
        try:
            page = self._place.call(
                "GET", self._path(endpoint) + "/deployments", DEPLOYMENTS, f"the deployments of {endpoint}"
            )
        except Missing:
            return []
        return [_deployment(endpoint, found) for found in page.get("value") or ()]

    def deploy(self, spec: DeploymentSpec) -> None:
        """Begin to make a deployment."""
        body = {
            "location": self._place.about()["location"],
            "properties": {
                "model": spec.model,
                "properties": {},
                "appInsightsEnabled": False,
                "requestSettings": {"requestTimeout": "PT1M30S"},
                "livenessProbe": {"initialDelay": "PT10M"},
                "instanceType": spec.instance_type,
                "endpointComputeType": "Managed",
            },
            "tags": dict(spec.tags),
            "sku": {"name": "Default", "capacity": spec.instance_count},
        }
        path = self._path(spec.endpoint, spec.name)
        self._place.call("PUT", path, DEPLOYMENTS, f"the deployment {spec.name}", body)

    def undeploy(self, endpoint: str, name: str) -> None:
        """Begin to delete a deployment."""
        with suppress(Missing):
            self._place.call("DELETE", self._path(endpoint, name), DEPLOYMENTS, f"the deployment {name}")

    def log_tail(self, endpoint: str, deployment: str) -> str:
        """Read the end of the container's log; empty where there is none to be had."""
        path = self._path(endpoint, deployment) + "/getLogs"
        try:
            found = self._place.call("POST", path, DEPLOYMENTS, "the container's log", {"tail": LOG_LINES})
        except DroptuneError:
            return ""  # a log is a help, its absence no reason to fail
        return str(found.get("content") or "")[-LOG_CHARACTERS:]

    def ask(self, endpoint: str, messages: Sequence[Mapping[str, str]], deployment: str | None = None) -> str:
        """Put a chat to the endpoint or to one deployment; return the answer's text."""
        found = self._get(endpoint)
        entra = found["properties"].get("authMode") == "AADToken"
        token = scoring.token(self._place) if entra else self._key(endpoint)
        return scoring.ask(str(found["properties"].get("scoringUri")), token, messages, deployment)

    def _key(self, endpoint: str) -> str:
        keys = self._place.call(
            "POST", self._path(endpoint) + "/listKeys", ENDPOINTS, f"the keys of {endpoint}"
        )
        return str(keys["primaryKey"])

    def _get(self, name: str) -> dict[str, Any]:
        return self._place.call("GET", self._path(name), ENDPOINTS, f"the endpoint {name}")

    def _path(self, endpoint: str, deployment: str | None = None) -> str:
        path = f"{self._place.id}/onlineEndpoints/{quote(endpoint, safe='')}"
        return f"{path}/deployments/{quote(deployment, safe='')}" if deployment is not None else path


def _endpoint(found: Mapping[str, Any]) -> Endpoint:
    properties = found["properties"]
    return Endpoint(
        name=found["name"],
        state=_state(properties),
        tags=found.get("tags") or {},
        traffic={name: int(share) for name, share in (properties.get("traffic") or {}).items() if share},
        scoring_url=properties.get("scoringUri"),
        created=_created(found),
        location=found.get("location"),
    )


def _deployment(endpoint: str, found: Mapping[str, Any]) -> Deployment:
    properties = found["properties"]
    return Deployment(
        endpoint=endpoint,
        name=found["name"],
        state=_state(properties),
        tags=found.get("tags") or {},
        instance_type=properties.get("instanceType") or "",
        instance_count=int((found.get("sku") or {}).get("capacity") or 1),
        model=properties.get("model"),
        created=_created(found),
    )


def _state(properties: Mapping[str, Any]) -> str:
    return str(properties.get("provisioningState") or "unknown").lower()


def _created(found: Mapping[str, Any]) -> datetime | None:
    text = (found.get("systemData") or {}).get("createdAt")
    return datetime.fromisoformat(str(text)) if text else None
