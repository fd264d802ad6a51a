"""Registered models on this machine's disk: fetched once, kept while a deployment wants them."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from local.azureml.errors import missing
from local.azureml.records import Deployment

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.assets import Assets
    from local.azureml.datastores import Datastores
    from local.azureml.places import Places
    from local.azureml.state import Store

_MODEL = re.compile(r".*/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_DONE = ".complete"


class ModelFolders:
    """A folder for each model version that is served."""

    def __init__(
        self, folder: Path, store: Store, assets: Assets, places: Places, datastores: Datastores
    ) -> None:
        """Keep models below `folder`."""
        self._places = places
        self._folder = folder
        self._store = store
        self._assets = assets
        self._datastores = datastores
        self._lock = threading.Lock()

    def fetch(self, key: str, log: Path) -> Path:
        """Return a deployment's model, a folder or one file, downloaded if it is not there yet.

        It lies in a folder of its own under the last part of its path, as in a container on Azure.

        Raises:
            AzureError: the deployment or its model is gone, or the model has no files.
            BlobFailure: Blob Storage refused.

        """
        deployment = self._store.get(Deployment, key)
        if deployment is None:
            raise missing("deployment", key)
        name, version = _named(deployment)
        asset = self._assets.find("model", name, version)
        target, spot = self._folder / f"{name}+{version}", self._places.model_spot(asset)
        found = target / (PurePosixPath(spot.path).name or name)

        def note(line: str) -> None:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")

        with self._lock:
            if (target / _DONE).exists() and found.exists():
                note(f"{name}:{version} is on this machine already")
                return found
            shutil.rmtree(target, ignore_errors=True)
            if not spot.path.endswith("/") and self._datastores.is_file(spot):
                self._datastores.fetch_file(spot, found)
            elif self._datastores.fetch_folder(spot, found, note) == 0:
                raise missing("model files of", f"{name}:{version}")
            (target / _DONE).touch()
        return found

    def clean_up(self) -> None:
        """Take away the folders that no deployment wants any more."""
        with self._lock:
            served = [_MODEL.fullmatch(str(one.body.get("model"))) for one in self._store.all(Deployment)]
            wanted = {f"{one['name']}+{one['version']}" for one in served if one}
            for folder in self._folder.glob("*"):
                if folder.name not in wanted:
                    shutil.rmtree(folder, ignore_errors=True)


def _named(deployment: Deployment) -> tuple[str, str]:
    match = _MODEL.fullmatch(str(deployment.body["model"]))
    if match is None:
        raise missing("model", str(deployment.body["model"]))
    return match["name"], match["version"]
