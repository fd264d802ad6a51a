"""What a client asks before anything else: the cloud, the registry's and the workspace's addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.azureml.environment import CLOUD
from local.azureml.errors import missing, unsupported
from local.azureml.records import WorkspaceChange
from local.azureml.web import WS, Answer, Way, page
from local.azureml.wire import system_data

if TYPE_CHECKING:
    from local.azureml.settings import Settings
    from local.azureml.state import Store
    from local.azureml.web import Call, Json

REGISTRIES = ("azureml",)
REGISTRY_SUBSCRIPTION = "00000000-0000-0000-0000-000000000002"
_LISTS = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices",
    "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices",
)
_CHANGEABLE = ("description", "friendlyName", "publicNetworkAccess")
_ONLY = "workspace"
_BORN = "2026-01-01T00:00:00.000000Z"


class Bootstrap:
    """Answers from memory: an MLClient asks for the cloud's metadata four times when it is made."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Make the answers once; what clients change of the workspace is kept in `store`."""
        self._settings = settings
        self._store = store
        self._clouds = [
            {
                "name": CLOUD,
                "portal": "https://portal.azure.com/",
                "resourceManager": f"{settings.url}/",
                "authentication": {
                    "loginEndpoint": "https://login.localhost/",
                    "audiences": ["https://management.azure.com/"],
                    "tenant": settings.place.tenant,
                },
                "suffixes": {"storage": settings.storage_suffix},
            }
        ]

    def ways(self) -> list[Way]:
        """Return the routes."""
        return [
            Way("GET", "/metadata/endpoints", lambda _: Answer(body=self._clouds), open=True, quiet=True),
            Way("GET", "/registrymanagement/v1.0/registries/{registry}/discovery", self._registry, open=True),
            Way("GET", "/discovery/", lambda _: Answer(body={"api": self._settings.url}), open=True),
            Way("GET", WS, lambda _: Answer(body=self._workspace())),
            Way("PATCH", WS, self._patch),
            *(Way("GET", f"{top}/workspaces", lambda _: page([self._workspace()])) for top in _LISTS),
        ]

    def _patch(self, call: Call) -> Answer:
        sent = call.json()
        given = {key: value for key, value in (sent.get("properties") or {}).items() if value is not None}
        strange = given.keys() - set(_CHANGEABLE)
        if strange:
            raise unsupported(f"change of the workspace's {', '.join(sorted(strange))}")
        with self._store.transaction():
            kept = self._store.get(WorkspaceChange, _ONLY) or WorkspaceChange()
            tags = sent["tags"] if sent.get("tags") is not None else kept.tags
            self._store.put(_ONLY, WorkspaceChange(tags=tags, properties={**kept.properties, **given}))
        return Answer(body=self._workspace())

    def _registry(self, call: Call) -> Answer:
        name = call.path["registry"]
        if name not in REGISTRIES:
            raise missing(f"registry (this emulator has {', '.join(REGISTRIES)})", name)
        return Answer(
            body={
                "registryName": name,
                "subscriptionId": REGISTRY_SUBSCRIPTION,
                "resourceGroup": "registries",
                "tenantId": self._settings.place.tenant,
                "primaryRegion": self._settings.place.location,
                "regions": [self._settings.place.location],
                "primaryRegionResourceProviderUri": f"{self._settings.url}/",
            }
        )

    def _workspace(self) -> Json:
        place, url = self._settings.place, self._settings.url
        kept = self._store.get(WorkspaceChange, _ONLY) or WorkspaceChange()
        storage = f"{place.group_id}/providers/Microsoft.Storage/storageAccounts/{self._settings.account}"
        return {
            "id": place.id,
            "name": place.workspace,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "location": place.location,
            "tags": kept.tags,
            "kind": "Default",
            "identity": {"type": "SystemAssigned", "principalId": place.tenant, "tenantId": place.tenant},
            "sku": {"name": "Basic", "tier": "Basic"},
            "systemData": system_data(_BORN, _BORN),
            "properties": {
                "friendlyName": place.workspace,
                "workspaceId": place.subscription,
                "storageAccount": storage,
                "hbiWorkspace": False,
                "provisioningState": "Succeeded",
                "discoveryUrl": f"{url}/discovery/",
                "mlFlowTrackingUri": f"azureml://{url.removeprefix('https://')}/mlflow/v1.0{place.id}",
                "publicNetworkAccess": "Enabled",
                **kept.properties,
            },
        }
