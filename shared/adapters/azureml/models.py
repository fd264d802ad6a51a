"""Base models, components and clusters, and the workspace's own models."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml.errors import mapped
from shared.adapters.azureml.place import MODELS
from shared.domain.errors import Misconfigured, Missing, Rejected
from shared.domain.run import ResolvedModel
from shared.ports import ModelVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.adapters.azureml.place import AzureMLPlace

DEFAULTS = "model_specific_defaults"


class AzureMLModels:
    """`shared.ports.Models` over one workspace and its registries."""

    def __init__(self, place: AzureMLPlace) -> None:
        self._place = place
        self._component = lru_cache(maxsize=8)(self._fetch_component)

    def resolve(self, name: str, registry: str, version: str) -> ResolvedModel:
        """Look a base model up; raises Rejected where the registry has no such model or version."""
        which = {"label": "latest"} if version == "latest" else {"version": version}
        try:
            with mapped(f"the base model {name} ({version})"):
                found = self._place.registry_client(registry).models.get(name, **which)
        except Missing as missing:
            raise Rejected(
                "base-model-missing",
                f"The registry {registry!r} has no model {name!r} in version {version}.",
                "Name one of its catalogue in the recipe's base_model, then drop the data set again: "
                "droptune drop FILE --recipe RECIPE",
            ) from missing
        tags = {str(key): str(value) for key, value in (found.tags or {}).items()}
        return ResolvedModel(found.id, found.name, str(found.version), tags, _literal(tags.get(DEFAULTS)))

    def component(self, name: str, registry: str) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
        """Give a component's id and inputs; asked once in a process."""
        return self._component(name, registry)

    def _fetch_component(self, name: str, registry: str) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
        with mapped(f"the component {name}"):
            found = self._place.registry_client(registry).components.get(name, label="latest")
        inputs = {key: _input(spec) for key, spec in found.inputs.items()}
        return str(found.id), inputs

    def gpus(self, compute: str) -> int:
        """Count the GPUs of one node; raises Misconfigured where there is no such cluster."""
        client = self._place.client
        try:
            with mapped(f"the compute {compute}"):
                size = str(client.compute.get(compute).size)
                sizes = {str(found.name).lower(): found for found in client.compute.list_sizes()}
        except Missing as missing:
            raise Misconfigured(
                "compute-missing",
                f"The workspace has no compute {compute!r}; the recipe names it.",
                f"Make it (az ml compute create --name {compute} --type amlcompute), or name another in the "
                "recipe's compute.name.",
            ) from missing
        return int(getattr(sizes.get(size.lower()), "gpus", 1) or 1)

    def find(self, name: str, version: str) -> ModelVersion:
        """Look at a registered version; raises Missing."""
        path = f"{self._place.id}/models/{quote(name, safe='')}/versions/{quote(version, safe='')}"
        found = self._place.call("GET", path, MODELS, f"the model {name}:{version}")
        return ModelVersion(name, version, found["properties"].get("tags") or {}, found["id"])

    def register(self, model: ModelVersion, path: str, description: str) -> ModelVersion:
        """Register an MLflow model from a job's output; raises AlreadyThere."""
        from azure.ai.ml.entities import Model

        entity = Model(
            name=model.name,
            version=model.version,
            type="mlflow_model",
            path=path,
            description=description,
            tags=dict(model.tags),
        )
        with mapped(f"the model {model.name}:{model.version}"):
            self._place.client.models.create_or_update(entity)
        return self.find(model.name, model.version)


def _literal(text: str | None) -> dict[str, Any]:
    """Read a tag that holds a Python literal; what is none of ours to mend counts as no defaults."""
    if not text:
        return {}
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {}
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def _input(spec: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's Input
    return {key: getattr(spec, key, None) for key in ("type", "enum", "min", "default", "optional")}
