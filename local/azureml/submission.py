"""What a fine-tune node of a pipeline asks for, checked as the service checks it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.azureml import catalogue
from local.azureml.bindings import LITERAL, Given, Wire
from local.azureml.errors import bad_request, missing, unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from local.azureml.catalogue import Component, Input
    from local.azureml.graph import Leaf

Json = dict[str, Any]

FILES = ("train_file_path", "validation_file_path", "test_file_path")
MODEL = "mlflow_model_path"
MODEL_OUTPUT = "mlflow_model_folder"
_COMPONENT = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/components/(?P<name>[^/]+)/versions/(?P<v>.+)"
)
WIRE = "wire:"
_SCALARS = ("string", "integer", "number", "boolean")


@dataclass(frozen=True)
class Plan:
    """One node to run: literal inputs (defaults filled in), data inputs by URI, outputs by job output.

    An input that is another node's output is `wire:` and that output's key.
    """

    node: str
    component: Component
    values: Mapping[str, str]
    uris: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def path(self) -> str:
        """The node's path in its pipeline."""
        return self.node

    @property
    def needs(self) -> set[str]:
        """The paths of the nodes whose outputs it takes."""
        wires = [uri.removeprefix(WIRE) for uri in self.uris.values() if uri.startswith(WIRE)]
        return {wire.rpartition(":")[0] for wire in wires}


def plan(leaf: Leaf, known: Iterable[Component], wired: Iterable[str] = ()) -> Plan:
    """Return what a node of one of the registry's `known` components asks for.

    wired: its outputs that other nodes take.

    Raises:
        AzureError: 400 naming every fault found, 404 for an unknown component, 501 for what this
            emulator can't run.

    """
    component = _component(str(leaf.node.get("componentId")), known)
    faults = _faults(component, leaf.inputs)
    if faults:
        raise bad_request(f"Node '{leaf.path}' is not valid: {' '.join(faults)}", detail="InvalidInputs")
    values = {item.name: item.default for item in component.inputs if item.default is not None}
    uris = {}
    for key, value in leaf.inputs.items():
        if isinstance(value, Wire):
            uris[key] = f"{WIRE}{value.key}"
        elif value.type == LITERAL:
            values[key] = value.text
        else:
            uris[key] = value.text
    outputs = _outputs(leaf, component)
    for key in wired:
        if key != MODEL_OUTPUT:
            raise unsupported(f"output '{key}' of a fine-tune; only {MODEL_OUTPUT}")
        outputs.setdefault(key, f"{leaf.path}:{key}")
    return Plan(leaf.path, component, values, uris, outputs)


def _component(identity: str, known: Iterable[Component]) -> Component:
    match = _COMPONENT.fullmatch(identity)
    if match is None:
        raise unsupported(f"component '{identity}'; only those of registry {catalogue.REGISTRY}")
    for component in known:
        if component.id == identity:
            return component
    raise missing("component", identity)


def _faults(component: Component, given: Mapping[str, Given | Wire]) -> list[str]:
    specs = {item.name: item for item in component.inputs}
    found = [f"Unknown input '{name}'." for name in given if name not in specs]
    for spec in component.inputs:
        if spec.name in given:
            found += _input_faults(spec, given[spec.name])
        elif not spec.optional and spec.default is None:
            found.append(f"Required input '{spec.name}' is missing.")
    return found


def literal_faults(name: str, item: Json, text: str) -> list[str]:
    """Return what is wrong with the text of an input that a component's specification describes."""
    return _scalar_faults(catalogue.input_of(name, {**item, "type": str(item.get("type")).lower()}), text)


def _input_faults(spec: Input, given: Given | Wire) -> list[str]:
    scalar = spec.type in _SCALARS
    if isinstance(given, Wire):
        return [f"Input '{spec.name}' must be of type {spec.type}; found a node's output."] if scalar else []
    if scalar != (given.type == "literal") or (not scalar and given.type != spec.type):
        return [f"Input '{spec.name}' must be of type {spec.type}; found {given.type}."]
    return _scalar_faults(spec, given.text) if scalar else []


def _scalar_faults(spec: Input, text: str) -> list[str]:
    if spec.enum and text not in spec.enum:
        return [f"Input '{spec.name}' must be one of {', '.join(spec.enum)}; found '{text}'."]
    return _number_faults(spec, text) if spec.type in _PARSERS else []


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


def _outputs(leaf: Leaf, component: Component) -> dict[str, str]:
    """Return which of the node's outputs goes to which of the job's.

    A job output that no node is bound to stays empty: the emulator fills nothing by guessing.
    """
    for key, item in (leaf.node.get("outputs") or {}).items():
        if key not in component.outputs:
            raise bad_request(f"Node '{leaf.path}' binds the unknown output '{key}'.")
        if key not in dict(leaf.bound):
            raise bad_request(
                f"Output '{key}' of node '{leaf.path}' is bound to no output of the job: {item}."
            )
        if key != MODEL_OUTPUT:
            raise unsupported(f"output '{key}' of a fine-tune; only {MODEL_OUTPUT}")
    return dict(leaf.bound)
