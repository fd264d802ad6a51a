"""Where a job's inputs come from: the registry's models, datastores, data assets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.azureml.errors import AzureError, bad_request, unsupported
from local.azureml.submission import FILES, MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.assets import Assets
    from local.azureml.compute import Computes
    from local.azureml.datastores import Datastores
    from local.azureml.registry import Registry
    from local.azureml.submission import Plan

_REGISTRY_MODEL = re.compile(
    r"azureml://registries/azureml/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)"
)
_DATA = re.compile(
    r"(?:azureml:)?(?:.*/data/(?P<n>[^/]+)/versions/(?P<v>[^/]+)|(?P<n2>[\w.-]+):(?P<v2>[\w.-]+))"
)


class Sources:
    """Checks inputs when a job is submitted, and fetches them when it runs."""

    def __init__(
        self, registry: Registry, datastores: Datastores, assets: Assets, computes: Computes
    ) -> None:
        """Look in these places."""
        self._registry = registry
        self._datastores = datastores
        self._assets = assets
        self._computes = computes

    def check(self, plan: Plan) -> None:
        """Refuse what can be seen to be wrong before anything runs; blobs are looked for only then.

        Raises:
            AzureError: 400, 404, or 501 for inputs that this emulator can't use.

        """
        for name, value in plan.values.items():
            if name.startswith("compute_"):
                self._computes.check(value)
        for name in ("huggingface_id", "evaluation_config_params"):
            if plan.values.get(name):
                raise unsupported(f"use for the input '{name}'")
        for name, uri in plan.uris.items():
            if name == MODEL:
                self.model_folder(uri)
            elif name in FILES:
                self._location(uri)
            else:
                raise unsupported(f"use for the input '{name}'")

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
        spot = self._datastores.spot(self._location(uri))
        if not self._datastores.is_file(spot):
            kind = "a folder, not a file" if self._datastores.is_folder(spot) else "not there"
            raise bad_request(
                f"The input '{uri}' is {kind} (container '{spot.container}').", detail="DataNotFound"
            )
        self._datastores.fetch_file(spot, target)

    def _location(self, uri: str) -> str:
        if uri.startswith("azureml://"):
            self._datastores.spot(uri)
            return uri
        match = _DATA.fullmatch(uri)
        if match is None:
            raise unsupported(f"input '{uri}'; only datastore paths and data assets")
        found = self._assets.find("data", match["n"] or match["n2"], match["v"] or match["v2"])
        location = str(found.body["dataUri"])
        if not location.startswith("azureml://"):
            raise AzureError(501, "NotImplemented", f"Data '{uri}' lies at {location}: no datastore path.")
        return location
