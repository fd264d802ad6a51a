"""Base models and components of a registry, and the workspace's own models."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml.errors import capital, mapped
from shared.adapters.azureml.place import MODELS, REGISTRY, Request
from shared.domain.base_model import Catalogue, ResolvedModel, catalogue, literal
from shared.domain.errors import (
    AlreadyThere,
    DroptuneError,
    Misconfigured,
    Missing,
    Permanent,
    Rejected,
)
from shared.ports import ModelVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.ai.ml import MLClient

    from shared.adapters.azureml.place import AzureMLPlace

LOG = logging.getLogger(__name__)
DEFAULTS = "model_specific_defaults"
LATEST = "latest"
NAMED_VERSIONS = 5
FIELDS = ("type", "enum", "min", "max", "default", "optional")

Inputs = dict[str, dict[str, Any]]


class AzureMLModels:
    """`shared.ports.Models` over one workspace and its registries."""

    def __init__(self, place: AzureMLPlace) -> None:
        self._place = place

    def resolve(self, name: str, registry: str, version: str) -> ResolvedModel:
        """Look a base model up; raises Rejected where the registry has no such model or version."""
        which = {"label": LATEST} if version == LATEST else {"version": version}
        what = f"the base model {name} ({version})"
        with self._place.registry_sdk(registry, what) as sdk:
            try:
                with mapped(what):
                    found = sdk.models.get(name, **which)
            except Missing as missing:
                raise _no_base_model(name, registry, version, _versions(sdk, name)) from missing
            tags = {str(key): str(value) for key, value in (found.tags or {}).items()}
            known = self._catalogue(sdk, found.name, str(found.version))
        defaults = _defaults(name, tags.get(DEFAULTS))
        return ResolvedModel(found.id, found.name, str(found.version), tags, defaults, known)

    def component(self, name: str, registry: str) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
        """Give a component's latest id and its inputs; asked once in a process."""
        return self._place.once(f"component {registry}/{name}", lambda: self._component(name, registry))

    def find(self, name: str, version: str) -> ModelVersion:
        """Look at a registered version; raises Missing."""
        asked = Request("GET", self._path(name, version), MODELS)
        found = self._place.call(asked, f"the model {name}:{version}")
        return ModelVersion(name, version, found["properties"].get("tags") or {}, found["id"])

    def register(self, model: ModelVersion, path: str, description: str) -> ModelVersion:
        """Register an MLflow model from a job's output; raises AlreadyThere where the version is taken."""
        what = f"the model {model.name}:{model.version}"
        with self._place.sdk(what) as sdk:
            # Azure ML would take a second PUT as an update, and change the tags of somebody else's model.
            with suppress(Missing):
                self.find(model.name, model.version)
                raise AlreadyThere("azureml-exists", f"{capital(what)} exists already.")
            sdk.models.create_or_update(_entity(model, path, description))
            LOG.info("registered model %s:%s", model.name, model.version)
            return self.find(model.name, model.version)

    def delete(self, name: str, version: str) -> None:
        """Delete a registered version."""
        with suppress(Missing):
            self._place.call(
                Request("DELETE", self._path(name, version), MODELS), f"the model {name}:{version}"
            )

    def _path(self, name: str, version: str) -> str:
        return f"{self._place.id}/models/{quote(name, safe='')}/versions/{quote(version, safe='')}"

    def _catalogue(self, sdk: MLClient, name: str, version: str) -> Catalogue | None:
        """Read what the SDK's model leaves out: archived or not, lists, dates; None where it cannot."""
        try:
            # The registry's place is known to the SDK's client alone, which found it out when it was made.
            base = sdk._service_client_registry_arm._config.base_url  # noqa: SLF001
            path = (
                f"{base}/subscriptions/{sdk.subscription_id}/resourceGroups/{sdk.resource_group_name}/providers/"
                f"Microsoft.MachineLearningServices/registries/{quote(str(sdk._operation_scope.registry_name))}"  # noqa: SLF001
                f"/models/{quote(name, safe='')}/versions/{quote(version, safe='')}"
            )
            raw = self._place.call(Request("GET", path, REGISTRY), f"the record of {name}:{version}")
        except (AttributeError, Permanent, Missing):
            LOG.warning("the raw record of %s:%s could not be read", name, version)
            return None
        return catalogue(raw.get("properties") or {})

    def _component(self, name: str, registry: str) -> tuple[str, Inputs]:
        try:
            with self._place.registry_sdk(registry, f"the component {name}") as sdk:
                found = sdk.components.get(name, label=LATEST)
        except Missing as missing:
            raise Misconfigured(
                "component-missing",
                f"The registry {registry!r} has no component {name!r}.",
                "Name a registry that has it in the recipe's base_model.registry: "
                f"az ml component list --registry-name {registry} --name {name}",
            ) from missing
        return str(found.id), {key: _input(given) for key, given in found.inputs.items()}


def _no_base_model(name: str, registry: str, version: str, versions: list[str]) -> Rejected:
    message = f"The registry {registry!r} has no model {name!r} in version {version!r}."
    if versions:
        message += f" It has {', '.join(versions)}."
    return Rejected(
        "base-model-missing",
        message,
        f"List its models (az ml model list --registry-name {registry} --query '[].name'), mend the recipe's "
        "base_model, then drop the data set again: droptune drop FILE --recipe RECIPE",
    )


def _versions(sdk: MLClient, name: str) -> list[str]:
    """List the first versions that there are; none where that cannot be had either."""
    try:
        with mapped(f"the versions of {name}"):
            found = [str(model.version) for model in sdk.models.list(name=name)]
    except DroptuneError:
        return []  # a help to the reader, no more
    return found[:NAMED_VERSIONS]


def _entity(model: ModelVersion, path: str, description: str) -> Any:  # noqa: ANN401 - the SDK's Model
    from azure.ai.ml.entities import Model

    return Model(
        name=model.name,
        version=model.version,
        type="mlflow_model",
        path=path,
        description=description,
        tags=dict(model.tags),
    )


def _defaults(name: str, text: str | None) -> dict[str, Any]:
    """Read the tag with the model's own defaults; one that cannot be read counts as no defaults."""
    found = literal(text) if text else {}
    if not isinstance(found, dict):
        LOG.warning("the tag %s of %s holds no dictionary; its defaults are left out", DEFAULTS, name)
        return {}
    return {str(key): value for key, value in found.items()}


def _input(given: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's Input
    fields = {field: getattr(given, field, None) for field in FIELDS}
    return {field: value for field, value in fields.items() if value is not None}
