"""The workspace, and the two ways to talk to it: the SDK where it shapes what is sent, plain calls to look.

`azure.ai.ml` costs seconds and 60 MB to import, so nothing here imports it before a call needs it.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.adapters.azureml.errors import mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azure.ai.ml import MLClient

JOBS = "2024-01-01-preview"
ENDPOINTS = "2022-02-01-preview"
DEPLOYMENTS = "2023-04-01-preview"
MODELS = "2023-08-01-preview"
WORKSPACES = "2024-10-01-preview"
# Three tries over about 3 s and a socket that waits at most 20 s: below the 30 s that a call may take.
TRIES: dict[str, Any] = {"retry_total": 2, "retry_backoff_factor": 0.5}
TIMES: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 20}


@dataclass(frozen=True)
class AzureMLPlace:
    """One workspace. credential: gives the app's credential; arm_url: the resource manager's base."""

    subscription: str
    resource_group: str
    workspace: str
    registry: str
    datastore: str
    arm_url: str
    credential: Callable[[], Any]
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def id(self) -> str:
        """The workspace's ARM id, where its resources' paths begin."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace}"
        )

    @property
    def client(self) -> MLClient:
        """The SDK's client of the workspace."""
        found: MLClient = self._once("client", self._make_client)
        return found

    def registry_client(self, registry: str) -> MLClient:
        """Give the SDK's client of a registry."""
        found: MLClient = self._once(f"registry {registry}", lambda: self._make_client(registry))
        return found

    def about(self) -> dict[str, Any]:
        """Look at the workspace: location, discovery and tracking URLs. Asked once."""
        found: dict[str, Any] = self._once(
            "workspace", lambda: self.call("GET", self.id, WORKSPACES, "the workspace")
        )
        return found

    def history_url(self) -> str:
        """Find the base of the run history service."""
        return f"{self._once('history', self._discover)}/history/v1.0{self.id}"

    def call(
        self, method: str, path: str, version: str, what: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make one call; path: below the resource manager, or an absolute URL. Raises our errors alone."""
        from azure.core.rest import HttpRequest

        url = path if path.startswith("https://") else self.arm_url.rstrip("/") + path
        request = HttpRequest(method, url, params={"api-version": version} if version else None, json=body)
        with mapped(what):
            response = self._once("pipeline", self._make_pipeline).send_request(request)
            response.raise_for_status()
            return dict(response.json()) if response.text().strip() else {}

    def _make_pipeline(self) -> Any:  # noqa: ANN401 - azure.core.PipelineClient is generic over transports
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy

        scope = self.arm_url.rstrip("/") + "/.default"
        policies = [RetryPolicy(**TRIES), BearerTokenCredentialPolicy(self.credential(), scope)]
        return PipelineClient(self.arm_url, policies=policies, **TIMES)

    def _make_client(self, registry: str | None = None) -> MLClient:
        from azure.ai.ml import MLClient

        logging.getLogger("azure.ai.ml").setLevel(logging.ERROR)
        options: dict[str, Any] = {"enable_telemetry": False, **TIMES}
        if registry is not None:
            return MLClient(self.credential(), registry_name=registry, **options)
        return MLClient(self.credential(), self.subscription, self.resource_group, self.workspace, **options)

    def _discover(self) -> str:
        url = self.about()["properties"]["discoveryUrl"]
        return str(self.call("GET", url, "", "the workspace's services")["api"])

    def _once(self, name: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever `make` makes
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            return self._kept[name]
