"""The workspace, and two ways to talk to it: the SDK where it shapes what is sent, plain calls to look."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from shared.adapters.azureml import client, patience
from shared.adapters.azureml.errors import SCIENTIST, mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from azure.ai.ml import MLClient
    from azure.core import PipelineClient
    from azure.core.rest import HttpResponse
    from msgspec.json import Decoder

JOBS = "2024-01-01-preview"
ENDPOINTS = "2022-02-01-preview"
DEPLOYMENTS = "2023-04-01-preview"
MODELS = "2023-08-01-preview"
COMPUTES = "2023-08-01-preview"
REGISTRY = "2021-10-01-dataplanepreview"
WORKSPACES = "2024-10-01-preview"

Made = TypeVar("Made")


@dataclass(frozen=True)
class Request:
    """One plain call.

    path: below the resource manager, or an absolute URL; version: the API's, or none;
    audience: whom the token is for, by default the resource manager.
    """

    method: str
    path: str
    version: str = ""
    body: Mapping[str, Any] | None = None
    audience: str = ""


@dataclass(frozen=True)
class AzureMLPlace:
    """One workspace. credential: gives the app's credential; arm_url: the resource manager's base.

    jobs_identity: the ARM id of the identity that a cluster made here is given; empty: none.
    environment: what the comparing step runs in.
    Nothing is imported or connected before the first call; what was made is kept for all adapters of a place.
    """

    subscription: str
    resource_group: str
    workspace: str
    registry: str
    datastore: str
    arm_url: str
    credential: Callable[[], Any]
    jobs_identity: str = ""
    environment: str = ""
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The workspace's ARM id, where its resources' paths begin."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace}"
        )

    @contextmanager
    def sdk(self, what: str) -> Iterator[MLClient]:
        """Give the SDK's client of the workspace, for calls about `what`; raises our errors alone."""
        client.load()
        with mapped(what):
            where = (self.subscription, self.resource_group, self.workspace)
            yield self.once("client", lambda: client.of_workspace(self.credential(), *where))

    @contextmanager
    def registry_sdk(self, registry: str, what: str) -> Iterator[MLClient]:
        """Give the SDK's client of a registry, for calls about `what`; raises our errors alone."""
        client.load()
        with mapped(what):
            yield self.once(f"registry {registry}", lambda: client.of_registry(self.credential(), registry))

    def about(self) -> dict[str, Any]:
        """Look at the workspace: location, discovery and tracking URLs. Asked once."""
        return self.once("workspace", lambda: self.call(Request("GET", self.id, WORKSPACES), "the workspace"))

    def location(self) -> str:
        """Name the workspace's region, as its short name."""
        return str(self.about()["location"]).lower().replace(" ", "")

    def history_url(self) -> str:
        """Find the base of the run history service. Asked once."""
        return self.once("history", self._discover) + f"/history/v1.0{self.id}"

    def call(self, request: Request, what: str, role: str = SCIENTIST) -> dict[str, Any]:
        """Make one call with the app's token and read its JSON; raises our errors alone."""
        with mapped(what, role):
            response = self._sent(request)
            return dict(response.json()) if response.content.strip() else {}

    def decoded(self, request: Request, decoder: Decoder[Made], what: str, role: str = SCIENTIST) -> Made:
        """Make one call and decode its answer, for answers of many figures; raises our errors alone."""
        with mapped(what, role):
            return decoder.decode(self._sent(request).content)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Make a thing at its first use and keep it; what is kept is given without waiting for others."""
        if name not in self._kept:
            with self._lock:
                if name not in self._kept:
                    self._kept[name] = make()
        found: Made = self._kept[name]
        return found

    def _sent(self, request: Request) -> HttpResponse:
        from azure.core.rest import HttpRequest

        absolute = request.path.startswith("https://")
        url = request.path if absolute else self.arm_url.rstrip("/") + request.path
        params = {"api-version": request.version} if request.version else None
        audience = (request.audience or self.arm_url).rstrip("/")
        pipeline = self.once(f"pipeline {audience}", lambda: self._make_pipeline(audience))
        response = pipeline.send_request(HttpRequest(request.method, url, params=params, json=request.body))
        response.raise_for_status()
        found: HttpResponse = response
        return found

    def _make_pipeline(self, audience: str) -> PipelineClient[Any, Any]:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy

        scope = f"{audience}/.default"
        policies = [RetryPolicy(**patience.RETRIES), BearerTokenCredentialPolicy(self.credential(), scope)]
        return PipelineClient(self.arm_url, policies=policies, transport=patience.transport())

    def _discover(self) -> str:
        url = self.about()["properties"]["discoveryUrl"]
        return str(self.call(Request("GET", url), "the workspace's services")["api"])
