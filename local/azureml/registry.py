"""The registry `azureml`: its models and the fine-tune component.

Each model stands on a small local model; its property `localFoundation` says on which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.azureml import catalogue
from local.azureml.catalogue import REGISTRY as NAME
from local.azureml.errors import bad_request, missing
from local.azureml.web import REGISTRY, Answer, Way, page
from local.azureml.wire import first, system_data

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.catalogue import Component
    from local.azureml.region import Region
    from local.azureml.settings import Settings
    from local.azureml.shelf import Shelf
    from local.azureml.web import Call, Json

FOUNDATIONS = {
    "small": "small: SmolLM2-135M-Instruct, 135 million parameters",
    "tiny": "tiny: a random two-layer Llama, for tests",
}


class Registry:
    """Serves the catalogue, and says where a model lies on this machine."""

    def __init__(self, settings: Settings, shelf: Shelf, region: Region) -> None:
        """Serve by `settings`: the foundation, and whether an archived version may be the latest."""
        self._settings = settings
        self._shelf = shelf
        self._region = region

    def ways(self) -> list[Way]:
        """Return the routes."""
        models, components = f"{REGISTRY}/models/{{name}}", f"{REGISTRY}/components/{{name}}"
        return [
            Way("GET", f"{models}/versions", self._models),
            Way("GET", f"{models}/versions/{{version}}", self._model),
            Way("GET", f"{components}/versions", self._components),
            Way("GET", f"{components}/versions/{{version}}", self._component),
        ]

    def model_folder(self, name: str, version: str) -> Path:
        """Return the folder of the local model that this registry model stands on.

        Raises:
            AzureError: 404, when the registry has no such model; 400, when it is retired.

        """
        metadata = self._shelf.find(name, version)["system_metadata"] or {}
        day = self._region.retired_on(metadata.get("deprecation") or {})
        if day:
            raise bad_request(f"Model '{name}' version {version} was retired for fine-tuning on {day}.")
        return self._settings.models / self._settings.foundation

    def _models(self, call: Call) -> Answer:
        found = [model for model in self._shelf.models() if model["name"] == call.path["name"]]
        if not found:
            raise missing("model in registry azureml", call.path["name"])
        newest = list(reversed(found))
        if "$orderBy" in call.query or "$orderby" in call.query:
            newest = [model for model in newest if self._settings.archived_latest or not model["isArchived"]]
        elif call.query.get("listViewType", "ActiveOnly") == "ActiveOnly":
            newest = [model for model in newest if not model["isArchived"]]
        return page(first([self._model_body(model) for model in newest], call.query.get("$top")))

    def _model(self, call: Call) -> Answer:
        return Answer(body=self._model_body(self._shelf.find(call.path["name"], call.path["version"])))

    def _model_body(self, model: Json) -> Json:
        name, version = model["name"], model["version"]
        properties = {key: _text(value) for key, value in model["properties"].items()}
        properties["localFoundation"] = FOUNDATIONS[self._settings.foundation]
        return {
            "id": f"azureml://registries/{NAME}/models/{name}/versions/{version}",
            "name": version,
            "type": None,
            "systemData": system_data(model["created"], model["created"]),
            "properties": {
                "description": f"{name}. Here it stands on {properties['localFoundation']}.",
                "tags": {key: _text(value) for key, value in model["tags"].items()},
                "properties": properties,
                "isArchived": model["isArchived"],
                "isAnonymous": False,
                "flavors": {"python_function": {"loader_module": "mlflow.transformers"}},
                "modelType": "mlflow_model",
                "modelUri": f"azureml://registries/{NAME}/models/{name}/versions/{version}/files",
                "jobName": None,
                "stage": None,
                "systemMetadata": model["system_metadata"],
                "provisioningState": "Succeeded",
            },
        }

    def _components(self, call: Call) -> Answer:
        found = [item for item in self._known() if item.name == call.path["name"]]
        if not found:
            raise missing("component in registry azureml", call.path["name"])
        return page(first([_component_body(item) for item in found], call.query.get("$top")))

    def _component(self, call: Call) -> Answer:
        for item in self._known():
            if (item.name, item.version) == (call.path["name"], call.path["version"]):
                return Answer(body=_component_body(item))
        raise missing("component in registry azureml", f"{call.path['name']}:{call.path['version']}")

    def _known(self) -> tuple[Component, ...]:
        return catalogue.components(noop=self._settings.noop)


def _component_body(component: Component) -> Json:
    return {
        "id": component.id,
        "name": component.version,
        "properties": {
            "componentSpec": component.spec,
            "isArchived": False,
            "isAnonymous": False,
            "tags": {},
            "properties": {},
        },
    }


def _text(value: object) -> str:
    """Return a tag's value as the registry keeps it: text; lists and dicts as Python literals."""
    return value if isinstance(value, str) else str(value)
