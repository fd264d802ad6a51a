"""Managed online endpoints and deployments: made through the SDK, looked at and deleted by plain calls.

Making, changing and deleting begin and return. The SDK's pollers end at once (`patience`): a run is looked
at again when it is due, and no thread waits for hours.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml import entities, scoring, shapes
from shared.adapters.azureml.errors import capital, mapped
from shared.adapters.azureml.place import DEPLOYMENTS, ENDPOINTS, Request
from shared.domain.errors import AlreadyThere, DroptuneError, Misconfigured, Missing, Permanent
from shared.domain.tags import RECIPE
from shared.ports import NO_COPIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shared.adapters.azureml.place import AzureMLPlace
    from shared.ports import Deployment, DeploymentSpec, Endpoint

LOG = logging.getLogger(__name__)
AUTH = {"key": "key", "entra": "aad_token"}
NAME = re.compile(r"[a-zA-Z](?:[-a-zA-Z0-9]{1,30})[a-zA-Z0-9]")
AT_ONCE = 8
LOG_LINES, LOG_CHARACTERS = 50, 2000
MADE_UP = frozenset({"createdBy", "createdAt", "lastModifiedAt"})


class AzureMLEndpoints:
    """`shared.ports.Endpoints` over one workspace. count_seconds: how long a count of deployments is good."""

    def __init__(self, place: AzureMLPlace, count_seconds: float = 60.0) -> None:
        self._place, self._count_seconds = place, count_seconds
        self._counting = threading.Lock()
        self._counts: Mapping[str, int] = {}
        self._counted_until = 0.0

    def find(self, name: str) -> Endpoint:
        """Look at one; raises Missing."""
        return shapes.endpoint(self._get(name))

    def all(self) -> Iterator[Endpoint]:
        """List every endpoint, page by page; raises Misconfigured where the workspace is not there."""
        try:
            for found in self._pages(f"{self._place.id}/onlineEndpoints", ENDPOINTS, "the endpoints"):
                yield shapes.endpoint(found)
        except Missing as missing:  # a list is never missing by itself
            raise Misconfigured(
                "workspace-missing",
                f"There is no workspace at {self._place.id}.",
                "Name it in AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP, AZUREML_WORKSPACE_NAME, then: "
                "droptune doctor",
            ) from missing

    def create(self, name: str, auth: str, tags: Mapping[str, str]) -> None:
        """Begin to make one; raises AlreadyThere where the workspace or the region knows the name."""
        from azure.ai.ml.entities import ManagedOnlineEndpoint

        what = f"the endpoint {name}"
        with self._place.sdk(what) as sdk:
            # Azure ML would take a second PUT as an update, and change the tags of somebody else's endpoint.
            with suppress(Missing):
                self.find(name)
                raise AlreadyThere("endpoint-name-taken", f"{capital(what)} is in the workspace already.")
            words = f"Serves the runs of the Droptune recipe {tags.get(RECIPE, '')}".strip()
            entity = ManagedOnlineEndpoint(
                name=name, description=words, auth_mode=AUTH[auth], tags=dict(tags)
            )
            sdk.online_endpoints.begin_create_or_update(entity)
        LOG.info("began to make endpoint %s", name)

    def tag(self, name: str, tags: Mapping[str, str], deployment: str | None = None) -> None:
        """Give one these tags and no others: Update, of the REST API, changes tags alone."""
        version = ENDPOINTS if deployment is None else DEPLOYMENTS
        what = f"the endpoint {name}" if deployment is None else f"the deployment {name}/{deployment}"
        self._place.call(Request("PATCH", self._path(name, deployment), version, {"tags": dict(tags)}), what)
        LOG.info("tagged %s", what)

    def set_traffic(
        self, name: str, traffic: Mapping[str, int], mirror: Mapping[str, int] = NO_COPIES
    ) -> None:
        """Begin to move the traffic: the whole resource is read, and written back with these shares."""
        with self._place.sdk(f"the endpoint {name}") as sdk:
            entity = sdk.online_endpoints.get(_checked(name))
            entity.traffic = dict(traffic)
            entity.mirror_traffic = dict(mirror)
            # The SDK makes three properties up out of what it read; and what is Azure's default goes unsaid.
            entity.properties = {key: said for key, said in entity.properties.items() if key not in MADE_UP}
            access = getattr(entity.public_network_access, "value", entity.public_network_access)
            if str(access).lower() == "enabled":
                entity.public_network_access = None
            sdk.online_endpoints.begin_create_or_update(entity)
        LOG.info("began to move the traffic of endpoint %s over %d deployments", name, len(traffic))

    def delete(self, name: str) -> None:
        """Begin to delete one with all its deployments."""
        with suppress(Missing):
            self._place.call(Request("DELETE", self._path(name), ENDPOINTS), f"the endpoint {name}")

    def deployment(self, endpoint: str, name: str) -> Deployment:
        """Look at one; raises Missing."""
        asked = Request("GET", self._path(endpoint, name), DEPLOYMENTS)
        return shapes.deployment(endpoint, self._place.call(asked, f"the deployment {endpoint}/{name}"))

    def deployments(self, endpoint: str) -> Sequence[Deployment]:
        """List those of one endpoint; one that is gone has none."""
        path = self._path(endpoint) + "/deployments"
        what = f"the deployments of {endpoint}"
        try:
            with mapped(what):
                found = list(self._pages(path, DEPLOYMENTS, what))
        except Missing:
            return []
        return [shapes.deployment(endpoint, one) for one in found]

    def counts(self) -> Mapping[str, int]:
        """Count the deployments of each endpoint: many runs that look at once share one count."""
        with self._counting:
            if time.monotonic() > self._counted_until:
                names = [endpoint.name for endpoint in self.all()]
                with ThreadPoolExecutor(AT_ONCE, "count") as pool:
                    found = list(pool.map(lambda name: len(self.deployments(name)), names))
                self._counts = dict(zip(names, found, strict=True))
                self._counted_until = time.monotonic() + self._count_seconds
            return self._counts

    def deploy(self, spec: DeploymentSpec) -> str | None:
        """Begin to make a deployment; raises Missing where there is no such endpoint or model."""
        with self._place.sdk(f"the deployment {_checked(spec.endpoint)}/{_checked(spec.name)}") as sdk:
            begun = sdk.online_deployments.begin_create_or_update(entities.deployment(spec))
        LOG.info("began to make deployment %s/%s", spec.endpoint, spec.name)
        return _operation(begun)

    def why(self, operation: str) -> str | None:
        """Ask a begun operation for its error: a deployment itself keeps none."""
        try:
            found = self._place.call(Request("GET", operation), "the operation")
        except DroptuneError:
            return None  # operations are forgotten after a while
        return _worded(found.get("error") or {})

    def undeploy(self, endpoint: str, name: str) -> None:
        """Begin to delete a deployment."""
        asked = Request("DELETE", self._path(endpoint, name), DEPLOYMENTS)
        with suppress(Missing):
            self._place.call(asked, f"the deployment {endpoint}/{name}")

    def log_tail(self, endpoint: str, deployment: str) -> str:
        """Read the end of the container's log; empty where there is none to be had."""
        path = self._path(endpoint, deployment) + "/getLogs"
        asked = Request("POST", path, DEPLOYMENTS, {"tail": LOG_LINES})
        try:
            found = self._place.call(asked, f"the log of {endpoint}/{deployment}")
        except DroptuneError:
            return ""  # a log is a help, its absence no reason to fail
        return str(found.get("content") or "")[-LOG_CHARACTERS:]

    def ask(self, endpoint: str, messages: Sequence[Mapping[str, str]], deployment: str | None = None) -> str:
        """Put a chat to the endpoint or to one deployment; return the answer's text."""
        with mapped(f"the endpoint {endpoint}"):
            found = self._get(endpoint)["properties"]
            entra = str(found.get("authMode")).lower() == "aadtoken"
            secret = scoring.token(self._place) if entra else self._key(endpoint)
            question = scoring.Question(str(found.get("scoringUri")), endpoint, deployment, messages)
            return scoring.ask(self._place, question, secret)

    def _key(self, endpoint: str) -> str:
        asked = Request("POST", self._path(endpoint) + "/listKeys", ENDPOINTS)
        return str(self._place.call(asked, f"the keys of {endpoint}")["primaryKey"])

    def _get(self, name: str) -> dict[str, Any]:
        return self._place.call(Request("GET", self._path(name), ENDPOINTS), f"the endpoint {name}")

    def _pages(self, path: str, version: str, what: str) -> Iterator[Mapping[str, Any]]:
        asked: Request | None = Request("GET", path, version)
        while asked:
            page = self._place.call(asked, what)
            yield from page.get("value") or ()
            asked = Request("GET", page["nextLink"]) if page.get("nextLink") else None

    def _path(self, endpoint: str, deployment: str | None = None) -> str:
        path = f"{self._place.id}/onlineEndpoints/{quote(_checked(endpoint), safe='')}"
        return (
            f"{path}/deployments/{quote(_checked(deployment), safe='')}" if deployment is not None else path
        )


def _operation(begun: Any) -> str | None:  # noqa: ANN401 - the SDK's poller
    """Read where a begun operation can be asked about out of the SDK's poller, which polls no more."""
    with suppress(AttributeError):
        headers = begun.polling_method()._initial_response.http_response.headers  # noqa: SLF001
        found: str | None = headers.get("Azure-AsyncOperation")
        return found
    return None


def _worded(error: Mapping[str, Any]) -> str | None:
    told = [error, *(error.get("details") or ())]
    said = [": ".join(str(one[key]) for key in ("code", "message") if one.get(key)) for one in told]
    return " ".join(dict.fromkeys(text for text in said if text)) or None


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Permanent(
            "endpoint-name",
            f"{name!r} cannot name an endpoint or a deployment: 3 to 32 letters, digits and dashes are "
            "allowed, a letter first, no dash last.",
            "Rename the recipe, then drop the data set again: droptune drop FILE --recipe RECIPE",
        )
    return name
