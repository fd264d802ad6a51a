"""Datastores: names for containers, and the URIs that lead into them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.azureml.clock import real_now, stamp
from local.azureml.errors import AzureError, bad_request, missing, unsupported
from local.azureml.records import StoredDatastore
from local.azureml.web import WS, Answer, Way, page
from local.azureml.wire import check_asset_name, first, properties_of, system_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.azureml.blobstore import BlobStore
    from local.azureml.settings import Place, Settings
    from local.azureml.state import Store
    from local.azureml.web import Call, Json

DEFAULT = "workspaceblobstore"
BUILT_IN = {DEFAULT: "azureml-blobstore", "workspaceartifactstore": "azureml"}
_BORN = "2026-01-01T00:00:00.000000Z"
_SHORT = re.compile(r"azureml://datastores/(?P<store>[^/]+)/paths/(?P<path>.*)")
_LONG = re.compile(
    r"azureml://subscriptions/(?P<subscription>[^/]+)/resource[gG]roups/(?P<group>[^/]+)"
    r"/(?:providers/Microsoft\.MachineLearningServices/)?workspaces/(?P<workspace>[^/]+)"
    r"/datastores/(?P<store>[^/]+)/paths/(?P<path>.*)"
)


@dataclass(frozen=True)
class Spot:
    """A place in a container: a blob's name, or a folder's with or without its last slash."""

    datastore: str
    container: str
    path: str

    @property
    def folder(self) -> str:
        """The path as a folder's prefix."""
        return f"{self.path.strip('/')}/" if self.path.strip("/") else ""


class Datastores:
    """The workspace's datastores, all of them containers of one account, all by identity."""

    def __init__(self, settings: Settings, blobs: BlobStore, store: Store) -> None:
        """Offer the two that each workspace has, those of the settings, and those that clients made."""
        self._settings = settings
        self._blobs = blobs
        self._store = store
        self._built_in = built_in(settings.place)
        self._given = {**self._built_in, **dict(settings.datastores)}

    @property
    def _containers(self) -> dict[str, str]:
        made = {one.name: str(one.body["containerName"]) for one in self._store.all(StoredDatastore)}
        return {**made, **self._given}

    def ways(self) -> list[Way]:
        """Return the routes."""
        one = f"{WS}/datastores/{{name}}"
        return [
            Way("GET", f"{WS}/datastores", self._list),
            Way("GET", one, lambda call: Answer(body=self._body(call.path["name"]))),
            Way("PUT", one, self._put),
            Way("DELETE", one, self._delete),
            Way("POST", f"{one}/listSecrets", self._secrets),
        ]

    def ensure_containers(self) -> None:
        """Make the workspace's own containers where they are missing."""
        for container in self._built_in.values():
            self._blobs.ensure_container(container)

    def spot(self, uri: str) -> Spot:
        """Return where a datastore URI, short or long, leads.

        Raises:
            AzureError: 400, when it is no such URI, or leads to another workspace or datastore.

        """
        match = _SHORT.fullmatch(uri) or _LONG.fullmatch(uri)
        if match is None:
            raise bad_request(f"'{uri}' is no datastore path: azureml://datastores/NAME/paths/PATH.")
        parts = match.groupdict()
        if parts.get("workspace", self._settings.place.workspace) != self._settings.place.workspace:
            raise bad_request(f"'{uri}' lies in another workspace than {self._settings.place.workspace}.")
        container = self._containers.get(parts["store"])
        if container is None:
            known = ", ".join(self._containers)
            raise bad_request(f"Datastore '{parts['store']}' does not exist; there are {known}.")
        return Spot(parts["store"], container, parts["path"])

    def uri(self, path: str, datastore: str = DEFAULT) -> str:
        """Return the long URI of `path`, as the service writes it in answers."""
        place = self._settings.place
        return (
            f"azureml://subscriptions/{place.subscription}/resourcegroups/{place.group}"
            f"/workspaces/{place.workspace}/datastores/{datastore}/paths/{path}"
        )

    def fetch_file(self, spot: Spot, target: Path) -> None:
        """Download one blob."""
        self._blobs.download(spot.container, spot.path, target)

    def fetch_folder(self, spot: Spot, target: Path, note: Callable[[str], None]) -> int:
        """Download a folder's blobs into `target` and return how many there were."""
        count = 0
        for name in self._blobs.list(spot.container, spot.folder):
            relative = name.removeprefix(spot.folder)
            if ".." in relative.split("/"):
                raise bad_request(f"The blob '{name}' would be written outside its folder.")
            self._blobs.download(spot.container, name, target / relative)
            note(f"downloaded {relative}")
            count += 1
        return count

    def store_folder(self, source: Path, spot: Spot) -> int:
        """Upload every file below `source` and return how many there were."""
        files = sorted(path for path in source.rglob("*") if path.is_file())
        for path in files:
            self._blobs.upload(spot.container, spot.folder + path.relative_to(source).as_posix(), path)
        return len(files)

    def store_file(self, source: Path, spot: Spot) -> None:
        """Upload one file to exactly that spot."""
        self._blobs.upload(spot.container, spot.path.rstrip("/"), source)

    def is_file(self, spot: Spot) -> bool:
        """Return whether the spot is a blob."""
        return self._blobs.exists(spot.container, spot.path)

    def is_folder(self, spot: Spot) -> bool:
        """Return whether anything lies under the spot."""
        return next(self._blobs.list(spot.container, spot.folder), None) is not None

    def has(self, spot: Spot, name: str) -> bool:
        """Return whether the folder at the spot holds a file of that name."""
        return self._blobs.exists(spot.container, spot.folder + name)

    def _list(self, call: Call) -> Answer:
        names = [DEFAULT] if call.query.get("isDefault") == "true" else list(self._containers)
        return page(first([self._body(name) for name in names], call.query.get("count")))

    def _put(self, call: Call) -> Answer:
        name, body = call.path["name"], properties_of(call.json())
        check_asset_name("a datastore", name)
        if name in self._given:
            raise bad_request(f"Datastore '{name}' is the workspace's own: it can't be changed.")
        _check(body, self._settings.account)
        self._blobs.ensure_container(str(body["containerName"]))
        before = self._store.get(StoredDatastore, name)
        now = before.created if before else stamp(real_now())
        self._store.put(name, StoredDatastore(name=name, body=body, created=now))
        return Answer(200 if before else 201, self._body(name))

    def _delete(self, call: Call) -> Answer:
        name = call.path["name"]
        if name in self._given:
            raise bad_request(f"Datastore '{name}' is the workspace's own: it can't be deleted.")
        there = self._store.get(StoredDatastore, name) is not None
        self._store.delete(StoredDatastore, name)
        return Answer(200 if there else 204)

    def _secrets(self, call: Call) -> Answer:
        name = call.path["name"]
        self._body(name)
        message = f"Datastore '{name}' keeps no credentials: use your own identity."
        raise AzureError(403, "AuthorizationFailed", message)

    def _body(self, name: str) -> Json:
        if name not in self._containers:
            raise missing("datastore", name)
        kept = self._store.get(StoredDatastore, name)
        return {
            "id": f"{self._settings.place.id}/datastores/{name}",
            "name": name,
            "type": "Microsoft.MachineLearningServices/workspaces/datastores",
            "systemData": system_data(_BORN, _BORN),
            "properties": {
                "datastoreType": "AzureBlob",
                "accountName": self._settings.account,
                "containerName": self._containers[name],
                "endpoint": self._settings.storage_suffix,
                "protocol": "https",
                "credentials": {"credentialsType": "None"},
                "isDefault": name == DEFAULT,
                "description": kept.body.get("description") if kept else None,
                "tags": (kept.body.get("tags") if kept else None) or {},
                "properties": {},
            },
        }


def built_in(place: Place) -> dict[str, str]:
    """Return the containers of the two datastores that each workspace has.

    A workspace by another name than the usual has others, so that two on one storage account don't mix.
    """
    if place.id == type(place)().id:
        return dict(BUILT_IN)
    mark = hashlib.sha256(place.id.lower().encode()).hexdigest()[:12]
    return {name: f"{container}-{mark}" for name, container in BUILT_IN.items()}


def _check(body: Json, account: str) -> None:
    """Refuse what is no container of the workspace's own account, reached by identity."""
    kind = body.get("datastoreType")
    if kind != "AzureBlob":
        raise unsupported(f"datastore of type {kind}; only AzureBlob")
    if body.get("accountName") != account:
        raise unsupported(f"datastore of account {body.get('accountName')}; only of {account}")
    if (body.get("credentials") or {}).get("credentialsType", "None") != "None":
        raise unsupported("datastore with credentials; only by identity")
    if not body.get("containerName"):
        raise bad_request("A datastore needs a containerName.")
