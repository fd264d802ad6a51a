"""Models and data of the workspace: versions that never change what they point at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from local.azureml.errors import bad_request, immutable, missing
from local.azureml.records import Asset, Job
from local.azureml.web import WS, Answer, Way, page
from local.azureml.wire import check_asset_name, first, properties_of, system_data

if TYPE_CHECKING:
    from local.azureml.clock import Clock
    from local.azureml.datastores import Datastores, Spot
    from local.azureml.settings import Settings
    from local.azureml.state import Store
    from local.azureml.web import Call

Json = dict[str, Any]

_JOB_OUTPUT = re.compile(r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+?)(?:/paths/)?")
_FOLDERS = {"model": "models", "data": "data"}
_FIXED = {"model": ("modelUri", "modelType"), "data": ("dataUri", "dataType")}


class Assets:
    """The workspace's models and data."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, datastores: Datastores) -> None:
        """Keep versions in `store`; models must lie in `datastores`."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._datastores = datastores

    def ways(self) -> list[Way]:
        """Return the routes of both kinds."""
        return [way for kind in _FOLDERS for way in self._ways(kind)]

    def find(self, kind: str, name: str, version: str) -> Asset:
        """Return one version.

        Raises:
            AzureError: 404.

        """
        found = self._store.get(Asset, f"{kind}/{name}/{version}")
        if found is None:
            raise missing(kind, f"{name}:{version}")
        return found

    def model_spot(self, asset: Asset) -> Spot:
        """Return where the model's files lie."""
        return self._datastores.spot(str(asset.body["modelUri"]))

    def _ways(self, kind: str) -> list[Way]:
        top = f"{WS}/{_FOLDERS[kind]}"
        one = f"{top}/{{name}}/versions/{{version}}"
        return [
            Way("GET", top, lambda call: self._containers(kind, call)),
            Way("GET", f"{top}/{{name}}", lambda call: Answer(body=self._container(kind, call.path["name"]))),
            Way("GET", f"{top}/{{name}}/versions", lambda call: self._versions(kind, call)),
            Way("GET", one, lambda call: self._get(kind, call)),
            Way("PUT", one, lambda call: self._put(kind, call)),
            Way("DELETE", one, lambda call: self._delete(kind, call)),
        ]

    def _get(self, kind: str, call: Call) -> Answer:
        return Answer(body=self._body(self.find(kind, call.path["name"], call.path["version"])))

    def _put(self, kind: str, call: Call) -> Answer:
        name, version = call.path["name"], call.path["version"]
        check_asset_name(f"a {kind}", name)
        check_asset_name(f"a {kind}'s version", version)
        body = {"tags": {}, "properties": {}, "isArchived": False, **properties_of(call.json())}
        body, job = self._resolved(kind, body)
        key, now = f"{kind}/{name}/{version}", self._clock.stamp()
        fresh = Asset(kind=kind, name=name, version=version, body=body, created=now, modified=now, job=job)
        with self._store.transaction():
            before = self._store.get(Asset, key)
            if before and any(before.body.get(field) != body.get(field) for field in _FIXED[kind]):
                raise immutable(f"{kind} version", f"{name}:{version}", "description, tags and isArchived")
            if before:
                fresh = replace(before, body={**before.body, **body}, modified=now)
            self._store.put(key, fresh)
        return Answer(200 if before else 201, self._body(fresh))

    def _resolved(self, kind: str, body: Json) -> tuple[Json, str | None]:
        """Return the body with the place its files really lie in, and the job they came from."""
        if kind == "data":
            if not body.get("dataUri") or not body.get("dataType"):
                raise bad_request("Data needs a dataUri and a dataType.")
            return body, None
        uri = str(body.get("modelUri"))
        match = _JOB_OUTPUT.fullmatch(uri)
        job = match["job"] if match else None
        if match:
            uri = self._output(match["job"], match["output"])
        spot = self._datastores.spot(uri)
        if body.get("modelType") == "mlflow_model" and not self._datastores.has(spot, "MLmodel"):
            raise bad_request(f"There is no MLflow model at {uri}: no file MLmodel.", detail="ModelNotFound")
        return {**body, "modelUri": self._datastores.uri(spot.folder, spot.datastore), "flavors": {}}, job

    def _output(self, name: str, output: str) -> str:
        job = self._store.get(Job, name)
        if job is None:
            raise missing("job", name)
        if job.status != "Completed":
            raise bad_request(f"Job '{name}' is {job.status}: its outputs are there once it is Completed.")
        uri = job.outputs.get(output)
        if uri is None:
            has = ", ".join(job.outputs) or "none"
            raise bad_request(f"Job '{name}' has no output '{output}' that holds anything (it has {has}).")
        return uri

    def _delete(self, kind: str, call: Call) -> Answer:
        key = f"{kind}/{call.path['name']}/{call.path['version']}"
        there = self._store.get(Asset, key) is not None
        self._store.delete(Asset, key)
        return Answer(200 if there else 204)

    def _versions(self, kind: str, call: Call) -> Answer:
        found = self._newest_first(kind, call.path["name"], call.query.get("listViewType", "ActiveOnly"))
        return page(first([self._body(asset) for asset in found], call.query.get("$top")))

    def _newest_first(self, kind: str, name: str, view: str) -> list[Asset]:
        found = list(reversed(self._store.all(Asset, f"{kind}/{name}/")))
        if view == "All":
            return found
        return [asset for asset in found if bool(asset.body["isArchived"]) == (view == "ArchivedOnly")]

    def _containers(self, kind: str, call: Call) -> Answer:
        view = call.query.get("listViewType", "ActiveOnly")
        names = dict.fromkeys(asset.name for asset in self._store.all(Asset, f"{kind}/"))
        return page([self._container(kind, name) for name in names if self._newest_first(kind, name, view)])

    def _container(self, kind: str, name: str) -> Json:
        versions = self._newest_first(kind, name, "All")
        if not versions:
            raise missing(kind, name)
        numbers = [int(asset.version) for asset in versions if asset.version.isdigit()]
        return {
            "id": f"{self._settings.place.id}/{_FOLDERS[kind]}/{name}",
            "name": name,
            "systemData": system_data(versions[-1].created, versions[0].modified),
            "properties": {
                "latestVersion": versions[0].version,
                "nextVersion": str(max(numbers, default=0) + 1),
                "isArchived": all(asset.body["isArchived"] for asset in versions),
                "dataType": versions[0].body.get("dataType"),
                "tags": {},
                "properties": {},
            },
        }

    def _body(self, asset: Asset) -> Json:
        top = f"{self._settings.place.id}/{_FOLDERS[asset.kind]}/{asset.name}"
        shown = {**asset.body, "provisioningState": "Succeeded"}
        if asset.kind == "model":
            shown["jobName"] = asset.job
        return {
            "id": f"{top}/versions/{asset.version}",
            "name": asset.version,
            "systemData": system_data(asset.created, asset.modified),
            "properties": shown,
        }
