"""Changes of registered models by MLflow's registry: words, tags, deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from local.azureml.mlflow_errors import missing, wanted
from local.azureml.records import Asset, Container

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.azureml.model_registry import ModelRegistry
    from local.azureml.state import Store

Json = dict[str, Any]


class ModelChanges:
    """Writes on what `registry` shows."""

    def __init__(self, store: Store, registry: ModelRegistry) -> None:
        """Change records in `store`."""
        self._store = store
        self._registry = registry

    def describe_version(self, asked: Json) -> Json:
        """Give a version another description."""
        text = str(asked.get("description") or "")
        self._version(asked, lambda body: {**body, "description": text})
        return self._registry.get_version(asked)

    def tag_version(self, asked: Json) -> Json:
        """Write one tag of a version."""
        key, value = wanted(asked, "key"), str(asked.get("value", ""))
        self._version(asked, lambda body: {**body, "tags": {**(body.get("tags") or {}), key: value}})
        return {}

    def untag_version(self, asked: Json) -> Json:
        """Take one tag of a version away."""
        self._version(asked, lambda body: {**body, "tags": _without(body, wanted(asked, "key"))})
        return {}

    def delete_version(self, asked: Json) -> Json:
        """Delete a version; its files stay."""
        self._registry.get_version(asked)
        self._store.delete(Asset, _key(asked))
        return {}

    def describe(self, asked: Json) -> Json:
        """Give a registered model another description."""
        text = str(asked.get("description") or "")
        self._model(asked, lambda body: {**body, "description": text})
        return self._registry.get(asked)

    def tag(self, asked: Json) -> Json:
        """Write one tag of a registered model."""
        key, value = wanted(asked, "key"), str(asked.get("value", ""))
        self._model(asked, lambda body: {**body, "tags": {**(body.get("tags") or {}), key: value}})
        return {}

    def untag(self, asked: Json) -> Json:
        """Take one tag of a registered model away."""
        self._model(asked, lambda body: {**body, "tags": _without(body, wanted(asked, "key"))})
        return {}

    def delete(self, asked: Json) -> Json:
        """Delete a registered model with all its versions; their files stay."""
        self._registry.get(asked)
        name = wanted(asked, "name")
        with self._store.transaction():
            for asset in self._store.all(Asset, f"model/{name}/"):
                self._store.delete(Asset, f"model/{name}/{asset.version}")
            self._store.delete(Container, f"model/{name}")
        return {}

    def _version(self, asked: Json, how: Callable[[Json], Json]) -> None:
        changed = self._store.change(Asset, _key(asked), lambda asset: replace(asset, body=how(asset.body)))
        if changed is None:
            raise missing(f"Model version '{_key(asked).removeprefix('model/')}'")

    def _model(self, asked: Json, how: Callable[[Json], Json]) -> None:
        self._registry.get(asked)
        key = f"model/{wanted(asked, 'name')}"
        with self._store.transaction():
            kept = self._store.get(Container, key)
            self._store.put(key, Container(body=how(kept.body if kept else {})))


def _key(asked: Json) -> str:
    return f"model/{wanted(asked, 'name')}/{asked.get('version')}"


def _without(body: Json, key: str) -> Json:
    return {name: value for name, value in (body.get("tags") or {}).items() if name != key}
