"""What a pipeline job's body asks for, checked as the service checks it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.azureml import catalogue
from local.azureml.errors import bad_request, missing, unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.azureml.catalogue import Component, Input

Json = dict[str, Any]

FILES = ("train_file_path", "validation_file_path", "test_file_path")
MODEL = "mlflow_model_path"
MODEL_OUTPUT = "mlflow_model_folder"
_COMPONENT = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/components/(?P<name>[^/]+)/versions/(?P<v>.+)"
)
_PARENT_INPUT = re.compile(r"\$\{\{\s*parent\.inputs\.(?P<name>[\w.]+)\s*\}\}")
_PARENT_OUTPUT = re.compile(r"\$\{\{\s*parent\.outputs\.(?P<name>[\w.]+)\s*\}\}")
_SCALARS = ("string", "integer", "number", "boolean")


@dataclass(frozen=True)
class Plan:
    """One node to run: literal inputs (defaults filled in), data inputs by URI, outputs by job output."""

    node: str
    component: Component
    values: Mapping[str, str]
    uris: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class _Given:
    """One input as the body gives it: its type in lower case, and its text."""

    type: str
    text: str


def plans(body: Json) -> list[Plan]:
    """Return the nodes of a job's `properties`, in their order.

    Raises:
        AzureError: 400 naming every fault found, 404 for an unknown component, 501 for what this
            emulator can't run.

    """
    if body.get("jobType") != "Pipeline":
        raise unsupported(f"job of type {body.get('jobType')}; only Pipeline")
    nodes = body.get("jobs")
    if not isinstance(nodes, dict) or not nodes:
        raise bad_request("A pipeline job needs at least one node in 'jobs'.")
    return [_plan(name, node, body) for name, node in nodes.items()]


def _plan(name: str, node: Json, body: Json) -> Plan:
    if node.get("type") != "pipeline":
        raise unsupported(f"pipeline node of type {node.get('type')} ('{name}'); only registry components")
    component = _component(str(node.get("componentId")))
    given = {key: _given(key, item, body) for key, item in (node.get("inputs") or {}).items()}
    faults = _faults(component, given)
    if faults:
        raise bad_request(f"Node '{name}' is not valid: {' '.join(faults)}", detail="InvalidInputs")
    values = {item.name: item.default for item in component.inputs if item.default is not None}
    values |= {key: item.text for key, item in given.items() if item.type == "literal"}
    uris = {key: item.text for key, item in given.items() if item.type != "literal"}
    return Plan(name, component, values, uris, _outputs(name, node, body, component))


def _component(identity: str) -> Component:
    match = _COMPONENT.fullmatch(identity)
    if match is None:
        raise unsupported(f"component '{identity}'; only those of registry {catalogue.REGISTRY}")
    for component in catalogue.components():
        if component.id == identity:
            return component
    raise missing("component", identity)


def _given(key: str, item: Json, body: Json) -> _Given:
    parent = _PARENT_INPUT.fullmatch(str(item.get("value", item.get("uri", ""))))
    if parent is None:
        return _plain(key, item)
    inputs: Json = body.get("inputs") or {}
    if parent["name"] not in inputs:
        raise bad_request(
            f"Input '{key}' is bound to the job's input '{parent['name']}', which is not there."
        )
    return _plain(key, inputs[parent["name"]])


def _plain(key: str, item: Json) -> _Given:
    """Read one input; nodes spell the type `job_input_type`, jobs `jobInputType`."""
    kind = str(item.get("job_input_type") or item.get("jobInputType") or "").lower()
    text = item.get("value") if kind == "literal" else item.get("uri")
    if not kind or not isinstance(text, str):
        raise bad_request(f"Input '{key}' has no type, or no text where its type wants one.")
    return _Given(kind, text)


def _faults(component: Component, given: Mapping[str, _Given]) -> list[str]:
    specs = {item.name: item for item in component.inputs}
    found = [f"Unknown input '{name}'." for name in given if name not in specs]
    for spec in component.inputs:
        if spec.name in given:
            found += _input_faults(spec, given[spec.name])
        elif not spec.optional and spec.default is None:
            found.append(f"Required input '{spec.name}' is missing.")
    return found


def _input_faults(spec: Input, given: _Given) -> list[str]:
    scalar = spec.type in _SCALARS
    if scalar != (given.type == "literal") or (not scalar and given.type != spec.type):
        return [f"Input '{spec.name}' must be of type {spec.type}; found {given.type}."]
    if not scalar:
        return []
    if spec.enum and given.text not in spec.enum:
        return [f"Input '{spec.name}' must be one of {', '.join(spec.enum)}; found '{given.text}'."]
    return _number_faults(spec, given.text) if spec.type in _PARSERS else []


def _number_faults(spec: Input, text: str) -> list[str]:
    try:
        value = _PARSERS[spec.type](text)
    except ValueError:
        return [f"Input '{spec.name}' must be of type {spec.type}; found '{text}'."]
    if not math.isfinite(value):
        return [f"Input '{spec.name}' must be a finite number; found '{text}'."]
    if spec.minimum is not None and value < spec.minimum:
        return [f"Input '{spec.name}' must be at least {spec.minimum:g}; found {text}."]
    if spec.maximum is not None and value > spec.maximum:
        return [f"Input '{spec.name}' must be at most {spec.maximum:g}; found {text}."]
    return []


def _boolean(text: str) -> float:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return 1.0


_PARSERS: dict[str, Callable[[str], float]] = {"integer": int, "number": float, "boolean": _boolean}


def _outputs(name: str, node: Json, body: Json, component: Component) -> dict[str, str]:
    """Return which of the node's outputs goes to which of the job's.

    A job output that no node is bound to stays empty: the emulator fills nothing by guessing.
    """
    declared: Json = body.get("outputs") or {}
    bound: dict[str, str] = {}
    for key, item in (node.get("outputs") or {}).items():
        if key not in component.outputs:
            raise bad_request(f"Node '{name}' binds the unknown output '{key}'.")
        parent = _PARENT_OUTPUT.fullmatch(str(item.get("value", "")) if isinstance(item, dict) else str(item))
        if parent is None or parent["name"] not in declared:
            raise bad_request(f"Output '{key}' of node '{name}' is bound to no output of the job: {item}.")
        if key != MODEL_OUTPUT:
            raise unsupported(f"output '{key}' of a fine-tune; only {MODEL_OUTPUT}")
        bound[key] = parent["name"]
    return bound
