"""MLflow's model registry over the workspace's models: one registered here is one registered there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from local.azureml import logged_models
from local.azureml.clock import millis, parse
from local.azureml.kinds import MODEL
from local.azureml.mlflow_errors import invalid, missing, name_in, pairs, taken, texts, wanted
from local.azureml.places import ARTIFACT_STORE
from local.azureml.records import Asset, Container

if TYPE_CHECKING:
    from local.azureml.assets import Assets
    from local.azureml.datastores import Datastores
    from local.azureml.logged_models import LoggedModels
    from local.azureml.places import Places
    from local.azureml.state import Store

Json = dict[str, Any]

_ARTIFACT = re.compile(r"mlflow-artifacts:/+(?P<path>.+)")
_LOGGED = re.compile(r"models:/(?P<id>m-[0-9a-f]{32})")
# Files of a datastore other than the artifact store are reached by this prefix of the artifacts' routes.
DATASTORE = "datastore"


class ModelRegistry:
    """Registered models and their versions, as MLflow shows and writes them."""

    def __init__(
        self, store: Store, assets: Assets, places: Places, datastores: Datastores, logged: LoggedModels
    ) -> None:
        """Read and write `assets`."""
        self._store = store
        self._assets = assets
        self._places = places
        self._datastores = datastores
        self._logged = logged

    def create(self, asked: Json) -> Json:
        """Make a registered model without a version."""
        name = wanted(asked, "name")
        if self._is_there(name):
            raise taken(f"Registered model '{name}'")
        body = {"tags": texts(asked.get("tags")), "description": asked.get("description"), "properties": {}}
        self._store.put(f"model/{name}", Container(body=body))
        return {"registered_model": self._model(name)}

    def get(self, asked: Json) -> Json:
        """Return one registered model."""
        return {"registered_model": self._model(wanted(asked, "name"))}

    def search(self, asked: Json) -> Json:
        """Return all registered models, or the one of that name."""
        names = sorted({asset.name for asset in self._store.all(Asset, "model/")} | self._empty())
        name = name_in(asked)
        return {"registered_models": [self._model(one) for one in names if name in (None, one)]}

    def latest(self, asked: Json) -> Json:
        """Return the newest version."""
        return {"model_versions": self._model(wanted(asked, "name"))["latest_versions"]}

    def create_version(self, asked: Json) -> Json:
        """Register a version out of a run's artifacts, a logged model or a datastore."""
        name, source = wanted(asked, "name"), wanted(asked, "source")
        if not self._is_there(name):
            raise missing(f"Registered model '{name}'")
        version = self._assets.next_version("model", name)
        body = {
            "modelUri": self._place(source),
            "modelType": "mlflow_model",
            "tags": texts(asked.get("tags")),
            "description": asked.get("description"),
            "properties": {"mlflow.modelSourceUri": source, "azureml.runId": str(asked.get("run_id") or "")},
        }
        kept, _ = self._assets.put(MODEL, name, version, body)
        return {"model_version": _version(kept)}

    def get_version(self, asked: Json) -> Json:
        """Return one version."""
        return {"model_version": _version(self._find(asked))}

    def search_versions(self, asked: Json) -> Json:
        """Return all versions, newest first, or those of one model."""
        name = name_in(asked)
        found = [asset for asset in reversed(self._store.all(Asset, "model/")) if name in (None, asset.name)]
        return {"model_versions": [_version(asset) for asset in found]}

    def download_uri(self, asked: Json) -> Json:
        """Return where a version's files can be read."""
        spot = self._places.model_spot(self._find(asked))
        top = "" if spot.datastore == ARTIFACT_STORE else f"{DATASTORE}/{spot.datastore}/"
        return {"artifact_uri": f"mlflow-artifacts:/{top}{spot.path.strip('/')}"}

    def _find(self, asked: Json) -> Asset:
        name, version = wanted(asked, "name"), str(asked.get("version"))
        found = self._store.get(Asset, f"model/{name}/{version}")
        if found is None:
            raise missing(f"Model version '{name}:{version}'")
        return found

    def _place(self, source: str) -> str:
        artifact, logged = _ARTIFACT.fullmatch(source), _LOGGED.fullmatch(source)
        if logged:
            path = logged_models.place(self._logged.find(logged["id"]))
            return self._datastores.uri(f"{path}/", ARTIFACT_STORE)
        if artifact:
            return self._datastores.uri(artifact["path"].rstrip("/") + "/", ARTIFACT_STORE)
        if source.startswith(("azureml://", "runs:/")):
            return source
        raise invalid(f"A version's source must be a run's artifact or a datastore path; found '{source}'.")

    def _empty(self) -> set[str]:
        return {key.partition("/")[2] for key in self._store.keys(Container) if key.startswith("model/")}

    def _is_there(self, name: str) -> bool:
        there = self._store.all(Asset, f"model/{name}/") or self._store.get(Container, f"model/{name}")
        return bool(there)

    def _model(self, name: str) -> Json:
        if not self._is_there(name):
            raise missing(f"Registered model '{name}'")
        versions = self._store.all(Asset, f"model/{name}/")
        kept = self._store.get(Container, f"model/{name}")
        body = kept.body if kept else {}
        return {
            "name": name,
            "creation_timestamp": millis(parse(versions[0].created)) if versions else 0,
            "last_updated_timestamp": millis(parse(versions[-1].modified)) if versions else 0,
            "description": body.get("description") or "",
            "tags": pairs(body.get("tags") or {}),
            "latest_versions": [_version(versions[-1])] if versions else [],
        }


def _version(asset: Asset) -> Json:
    properties = asset.body.get("properties") or {}
    return {
        "name": asset.name,
        "version": asset.version,
        "creation_timestamp": millis(parse(asset.created)),
        "last_updated_timestamp": millis(parse(asset.modified)),
        "current_stage": "None",
        "description": asset.body.get("description") or "",
        "source": properties.get("mlflow.modelSourceUri") or asset.body["modelUri"],
        "run_id": properties.get("azureml.runId") or asset.job or "",
        "status": "READY",
        "tags": pairs(asset.body.get("tags") or {}),
    }
