"""Artifacts of runs over MLflow's proxied routes: files in the workspace's artifact store.

A client with an https tracking URI reads and writes through here. A path that begins with
`datastore/NAME/` leads into that datastore, so that registered models of any place can be read.
"""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any

from local.azureml.errors import AzureError
from local.azureml.mlflow_errors import invalid, missing, wanted
from local.azureml.model_registry import DATASTORE
from local.azureml.places import ARTIFACT_STORE, artifacts_path
from local.azureml.web import WS, Answer, Way

if TYPE_CHECKING:
    from local.azureml.blobstore import BlobStore
    from local.azureml.datastores import Datastores, Spot
    from local.azureml.web import Call

Json = dict[str, Any]

_ROOT = f"/mlflow/{{api}}{WS}/api/2.0/mlflow-artifacts/artifacts"


class Artifacts:
    """Reads, writes and lists artifacts."""

    def __init__(self, datastores: Datastores, blobs: BlobStore) -> None:
        """Keep them in `datastores`, through `blobs`."""
        self._datastores = datastores
        self._blobs = blobs

    def ways(self) -> list[Way]:
        """Return the routes."""
        one = f"{_ROOT}/{{path:path}}"
        return [
            Way("GET", _ROOT, lambda call: Answer(body={"files": self._entries(call.query.get("path", ""))})),
            Way("GET", one, self._read),
            Way("PUT", one, self._write),
            Way("DELETE", one, self._delete),
        ]

    def listed(self, asked: Json) -> Json:
        """Return what lies directly under a path of a run's artifacts."""
        run = wanted(asked, "run_id")
        top, inner = artifacts_path(run), str(asked.get("path") or "").strip("/")
        found = self._entries(f"{top}/{inner}".rstrip("/"))
        prefix = f"{inner}/" if inner else ""
        files = [{**entry, "path": f"{prefix}{entry['path']}"} for entry in found]
        return {"root_uri": f"mlflow-artifacts:/{top}", "files": files}

    def _spot(self, path: str) -> Spot:
        clean = path.strip("/")
        if ".." in clean.split("/"):
            raise invalid(f"'{path}' leads out of the artifacts.")
        parts = clean.split("/", 2)
        if parts[0] == DATASTORE and len(parts) > 1:
            return self._datastores.spot(self._datastores.uri("/".join(parts[2:]), parts[1]))
        return self._datastores.spot(self._datastores.uri(clean, ARTIFACT_STORE))

    def _entries(self, path: str) -> list[Json]:
        """Return files and folders directly under a path, each once."""
        spot = self._spot(path)
        found: dict[str, Json] = {}
        for name, size in self._blobs.sizes(spot.container, spot.folder):
            head, deeper, _ = name.removeprefix(spot.folder).partition("/")
            entry: Json = {"path": head, "is_dir": bool(deeper)}
            found[head] = entry if deeper else {**entry, "file_size": size}
        return list(found.values())

    def _read(self, call: Call) -> Answer:
        spot = self._spot(call.path["path"])
        if not self._datastores.is_file(spot):
            raise missing(f"Artifact '{call.path['path']}'")
        kind = mimetypes.guess_type(spot.path)[0] or "application/octet-stream"
        content = self._blobs.read(spot.container, spot.path)
        return Answer(body=content, headers={"Content-Type": kind})

    def _write(self, call: Call) -> Answer:
        spot = self._spot(call.path["path"])
        self._blobs.write(spot.container, spot.path, call.content)
        return Answer(body={})

    def _delete(self, call: Call) -> Answer:
        spot = self._spot(call.path["path"])
        names = [name for name, _ in self._blobs.sizes(spot.container, spot.folder)]
        if not names and not self._datastores.is_file(spot):
            raise AzureError(404, "RESOURCE_DOES_NOT_EXIST", f"Artifact '{call.path['path']}' is not there.")
        for name in names or [spot.path]:
            self._blobs.delete(spot.container, name)
        return Answer(body={})
