"""Models, data, code, environments and components: versions that never change what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from local.azureml.curated import curated
from local.azureml.errors import immutable, missing
from local.azureml.kinds import KINDS
from local.azureml.records import Asset, Container
from local.azureml.web import WS, Answer, Way, paged
from local.azureml.wire import check_asset_name, properties_of, system_data

if TYPE_CHECKING:
    from local.azureml.clock import Clock
    from local.azureml.kinds import Kind
    from local.azureml.places import Places
    from local.azureml.settings import Settings
    from local.azureml.state import Store
    from local.azureml.web import Call

Json = dict[str, Any]
_DEFAULT_VERSION = "azureml_default"  # what the SDK asks for where a caller names none
Numbered = list[tuple[int, Asset]]


class Assets:
    """The workspace's versioned assets, all kinds by the same routes."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, places: Places) -> None:
        """Keep versions in `store`; `places` says where a new one's files lie."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._places = places

    def ways(self) -> list[Way]:
        """Return the routes of every kind."""
        return [way for kind in KINDS.values() for way in self._ways(kind)]

    def find(self, kind: str, name: str, version: str) -> Asset:
        """Return one version.

        Raises:
            AzureError: 404.

        """
        found = self._store.get(Asset, f"{kind}/{name}/{version}") or curated(kind, name, version)
        if found is None:
            raise missing(kind, f"{name}:{version}")
        return found

    def latest(self, kind: str, name: str) -> Asset:
        """Return the newest version that is not archived.

        Raises:
            AzureError: 404.

        """
        found = self._newest_first(kind, name, "ActiveOnly")
        if not found:
            raise missing(kind, name)
        return found[0][1]

    def next_version(self, kind: str, name: str) -> str:
        """Return the number after the largest."""
        numbers = [int(a.version) for a in self._store.all(Asset, f"{kind}/{name}/") if a.version.isdigit()]
        return str(max(numbers, default=0) + 1)

    def put(self, kind: Kind, name: str, version: str, sent: Json) -> tuple[Asset, bool]:
        """Make or update one version; return it and whether it is new.

        Raises:
            AzureError: 400 or 404, for a name, body or place that can't be.

        """
        check_asset_name(f"a {kind.name}", name)
        check_asset_name(f"a {kind.name}'s version", version)
        body, job = self._places.resolved(
            kind.name, {"tags": {}, "properties": {}, "isArchived": False, **sent}
        )
        key, now = f"{kind.name}/{name}/{version}", self._clock.stamp()
        fresh = Asset(
            kind=kind.name, name=name, version=version, body=body, created=now, modified=now, job=job
        )
        with self._store.transaction():
            before = self._store.get(Asset, key)
            if before and kind.changed(before.body, body):
                raise immutable(
                    f"{kind.name} version", f"{name}:{version}", "description, tags and isArchived"
                )
            if before:
                fresh = replace(before, body={**before.body, **body}, modified=now)
            self._store.put(key, fresh)
        return fresh, before is None

    def body(self, asset: Asset) -> Json:
        """Return the version as the management plane shows it."""
        top = f"{self._settings.place.id}/{KINDS[asset.kind].folder}/{asset.name}"
        shown = {**asset.body, "provisioningState": "Succeeded"}
        if asset.kind == "model":
            shown["jobName"] = asset.job
        return {
            "id": f"{top}/versions/{asset.version}",
            "name": asset.version,
            "type": f"Microsoft.MachineLearningServices/workspaces/{KINDS[asset.kind].folder}/versions",
            "systemData": system_data(asset.created, asset.modified),
            "properties": shown,
        }

    def _ways(self, kind: Kind) -> list[Way]:
        top = f"{WS}/{kind.folder}"
        one = f"{top}/{{name}}/versions/{{version}}"
        return [
            Way("GET", top, lambda call: self._containers(kind.name, call)),
            Way("GET", f"{top}/{{name}}", lambda call: Answer(body=self._container(kind.name, _name(call)))),
            Way("PUT", f"{top}/{{name}}", lambda call: self._put_container(kind.name, call)),
            Way("DELETE", f"{top}/{{name}}", lambda call: self._delete_container(kind.name, call)),
            Way("GET", f"{top}/{{name}}/versions", lambda call: self._versions(kind.name, call)),
            Way("GET", one, lambda call: Answer(body=self.body(self._of(kind.name, call)))),
            Way("PUT", one, lambda call: self._put(kind, call)),
            Way("DELETE", one, lambda call: self._delete(kind.name, call)),
        ]

    def _of(self, kind: str, call: Call) -> Asset:
        if call.path["version"] == _DEFAULT_VERSION:
            return self.latest(kind, _name(call))
        return self.find(kind, _name(call), call.path["version"])

    def _put(self, kind: Kind, call: Call) -> Answer:
        kept, new = self.put(kind, _name(call), call.path["version"], properties_of(call.json()))
        return Answer(201 if new else 200, self.body(kept))

    def _delete(self, kind: str, call: Call) -> Answer:
        key = f"{kind}/{_name(call)}/{call.path['version']}"
        there = self._store.get(Asset, key) is not None
        self._store.delete(Asset, key)
        return Answer(200 if there else 204)

    def _delete_container(self, kind: str, call: Call) -> Answer:
        versions = self._store.all(Asset, f"{kind}/{_name(call)}/")
        with self._store.transaction():
            for asset in versions:
                self._store.delete(Asset, f"{kind}/{asset.name}/{asset.version}")
            self._store.delete(Container, f"{kind}/{_name(call)}")
        return Answer(200 if versions else 204)

    def _put_container(self, kind: str, call: Call) -> Answer:
        name = _name(call)
        check_asset_name(f"a {kind}", name)
        self._store.put(f"{kind}/{name}", Container(body=properties_of(call.json())))
        return Answer(body=self._container(kind, name))

    def _versions(self, kind: str, call: Call) -> Answer:
        found = self._newest_first(kind, _name(call), call.query.get("listViewType", "ActiveOnly"))
        if "hash" in call.query:
            wanted = call.query["hash"]
            found = [one for one in found if one[1].body["properties"].get("hash_sha256") == wanted]
        return paged(call, found, self.body)

    def _newest_first(self, kind: str, name: str, view: str) -> Numbered:
        found = list(reversed(self._store.numbered(Asset, f"{kind}/{name}/")))
        known = curated(kind, name)
        if known and not found:
            found = [(0, known)]
        if view == "All":
            return found
        archived = self._is_archived(kind, name)
        wanted = view == "ArchivedOnly"
        return [one for one in found if (archived or bool(one[1].body["isArchived"])) == wanted]

    def _is_archived(self, kind: str, name: str) -> bool:
        kept = self._store.get(Container, f"{kind}/{name}")
        return bool(kept and kept.body.get("isArchived"))

    def _containers(self, kind: str, call: Call) -> Answer:
        view = call.query.get("listViewType", "ActiveOnly")
        # Each name at the number of its first version; anonymous ones have no name to be listed under.
        first = {asset.name: number for number, asset in reversed(self._store.numbered(Asset, f"{kind}/"))}
        anonymous = {a.name for a in self._store.all(Asset, f"{kind}/") if a.body.get("isAnonymous")}
        shown = [n for n in first if n not in anonymous and self._newest_first(kind, n, view)]
        found = sorted((first[name], name) for name in shown)
        return paged(call, found, lambda name: self._container(kind, name))

    def _container(self, kind: str, name: str) -> Json:
        versions = [asset for _, asset in self._newest_first(kind, name, "All")]
        kept = self._store.get(Container, f"{kind}/{name}")
        if not versions and kept is None:
            raise missing(kind, name)
        archived = self._is_archived(kind, name)
        body: Json = {
            "tags": {},
            "properties": {},
            **(kept.body if kept else {}),
            "latestVersion": versions[0].version if versions else None,
            "nextVersion": self.next_version(kind, name),
            "isArchived": archived or bool(versions and all(a.body["isArchived"] for a in versions)),
        }
        if kind == "data" and versions:
            body["dataType"] = versions[0].body.get("dataType")
        born = versions[-1].created if versions else self._clock.stamp()
        return {
            "id": f"{self._settings.place.id}/{KINDS[kind].folder}/{name}",
            "name": name,
            "type": f"Microsoft.MachineLearningServices/workspaces/{KINDS[kind].folder}",
            "systemData": system_data(born, versions[0].modified if versions else born),
            "properties": body,
        }


def _name(call: Call) -> str:
    return call.path["name"]
