"""Where a job's inputs come from: registry, datastores, assets of the workspace, the web."""

from __future__ import annotations

import re
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import httpx

from local.azureml.compute import SERVERLESS
from local.azureml.errors import AzureError, bad_request, unsupported
from local.azureml.submission import FILES, MODEL, WIRE

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.assets import Assets
    from local.azureml.compute import Computes
    from local.azureml.datastores import Datastores, Spot
    from local.azureml.places import Places
    from local.azureml.registry import Registry
    from local.azureml.submission import Plan
    from local.azureml.web import Json

_REGISTRY_MODEL = re.compile(
    r"azureml://registries/azureml/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)"
)
_ASSET = re.compile(
    r"(?:azureml:)?(?:.*/(?P<kind>data|models)/(?P<n>[^/]+)/versions/(?P<v>[^/]+)"
    r"|(?P<n2>[\w.-]+):(?P<v2>[\w.-]+))"
)
_WEB = ("https://", "http://")


class Sources:
    """Checks inputs when a job is submitted, and fetches them when it runs."""

    def __init__(
        self,
        registry: Registry,
        datastores: Datastores,
        assets: Assets,
        places: Places,
        computes: Computes,
    ) -> None:
        """Look in these places."""
        self._registry = registry
        self._datastores = datastores
        self._assets = assets
        self._places = places
        self._computes = computes

    def check(self, plan: Plan) -> None:
        """Refuse what can be seen to be wrong before anything runs; blobs are looked for only then.

        Raises:
            AzureError: 400, 404, or 501 for inputs that this emulator can't use.

        """
        self._check_computes(plan)
        for name in ("huggingface_id", "evaluation_config_params"):
            if plan.values.get(name):
                raise unsupported(f"use for the input '{name}'")
        for name, uri in plan.uris.items():
            if name == MODEL:
                self.model_folder(uri)
            elif name not in FILES:
                raise unsupported(f"use for the input '{name}'")
            elif not uri.startswith(WIRE):
                self._stored(uri)

    def _check_computes(self, plan: Plan) -> None:
        for name, value in plan.values.items():
            if name.startswith("compute_"):
                self._computes.check(value)
        for step in ("model_import", "preprocess", "finetune"):
            if plan.values.get(f"compute_{step}") == SERVERLESS:
                self._computes.check_instance(plan.values[f"instance_type_{step}"])

    def machine(self, plan: Plan) -> Json | None:
        """Return the size of the fine-tune's nodes; None where it is not known."""
        return self._computes.size(plan.values["compute_finetune"], plan.values["instance_type_finetune"])

    def check_compute(self, identity: str) -> None:
        """Refuse a compute that is not there; `identity` is a name or an ARM id.

        Raises:
            AzureError: 400, naming it.

        """
        self._computes.check(identity.rpartition("/")[2].removeprefix("azureml:"))

    def check_place(self, uri: str) -> None:
        """Refuse a place that can never be fetched; whether files lie there is seen only when the job runs.

        Raises:
            AzureError: 400, 404 or 501.

        """
        if _REGISTRY_MODEL.fullmatch(uri):
            self.model_folder(uri)
        else:
            self._location(uri)

    def model_folder(self, uri: str) -> Path:
        """Return the folder of the local model behind a registry model's id.

        Raises:
            AzureError: 404, when the registry lacks it; 501 for a model that is not the registry's.

        """
        match = _REGISTRY_MODEL.fullmatch(uri)
        if match is None:
            raise unsupported(
                f"base model '{uri}'; only azureml://registries/azureml/models/NAME/versions/VERSION"
            )
        return self._registry.model_folder(match["name"], match["version"])

    def fetch(self, uri: str, target: Path) -> None:
        """Download the file behind a datastore path or data asset.

        Raises:
            AzureError: 400, when there is no such blob, or a folder in its place.
            BlobFailure: the service could not be reached.

        """
        self._datastores.fetch_file(self.check_file(uri), target)

    def check_file(self, uri: str) -> Spot:
        """Return the place of the file behind a datastore path or data asset.

        Raises:
            AzureError: 400, when there is no such blob, or a folder in its place.
            BlobFailure: the service could not be reached.

        """
        spot = self._datastores.spot(self._stored(uri))
        if not self._datastores.is_file(spot):
            kind = "a folder, not a file" if self._datastores.is_folder(spot) else "not there"
            raise bad_request(
                f"The input '{uri}' is {kind} (container '{spot.container}').", detail="DataNotFound"
            )
        return spot

    def fetch_any(self, uri: str, folder: Path) -> Path:
        """Download a file or folder from wherever it lies; return the file's path, or `folder`.

        Raises:
            AzureError: 400, when there is nothing.
            BlobFailure: Blob Storage could not be reached.

        """
        folder.mkdir(parents=True, exist_ok=True)
        if _REGISTRY_MODEL.fullmatch(uri):
            shutil.copytree(self.model_folder(uri), folder, dirs_exist_ok=True)
            return folder
        location = self._location(uri)
        if location.startswith(_WEB):
            return _from_web(location, folder)
        spot = self._datastores.spot(location)
        if not spot.path.endswith("/") and spot.path and self._datastores.is_file(spot):
            target = folder / PurePosixPath(spot.path).name
            self._datastores.fetch_file(spot, target)
            return target
        if self._datastores.fetch_folder(spot, folder, lambda _line: None) == 0:
            raise bad_request(
                f"The input '{uri}' is not there (container '{spot.container}').", detail="DataNotFound"
            )
        return folder

    def _stored(self, uri: str) -> str:
        location = self._location(uri)
        if not location.startswith("azureml://"):
            raise AzureError(501, "NotImplemented", f"'{uri}' lies at {location}: no datastore path.")
        return location

    def _location(self, uri: str) -> str:
        """Return the datastore path or web address behind an input."""
        uri, _ = self._places.uri(uri)
        if uri.startswith(_WEB):
            return uri
        if uri.startswith("azureml://"):
            self._datastores.spot(uri)
            return uri
        match = _ASSET.fullmatch(uri)
        if match is None:
            raise unsupported(
                f"input '{uri}'; only datastore paths, job outputs, data, models and web addresses"
            )
        kind, field = ("model", "modelUri") if match["kind"] == "models" else ("data", "dataUri")
        found = self._assets.find(kind, match["n"] or match["n2"], match["v"] or match["v2"])
        return str(found.body[field])


def _from_web(uri: str, folder: Path) -> Path:
    target = folder / (PurePosixPath(httpx.URL(uri).path).name or "file")
    try:
        with httpx.stream("GET", uri, follow_redirects=True, timeout=60) as answer:
            answer.raise_for_status()
            with target.open("wb") as file:
                for piece in answer.iter_bytes(1024 * 1024):
                    file.write(piece)
    except httpx.HTTPError as error:
        raise bad_request(f"The input '{uri}' can't be fetched: {error}.", detail="DataNotFound") from error
    return target
