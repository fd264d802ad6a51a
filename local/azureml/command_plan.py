"""What a command job, or a command node of a pipeline, asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.azureml import bindings
from local.azureml.bindings import LITERAL, Given, Wire
from local.azureml.errors import bad_request, unsupported
from local.azureml.submission import literal_faults
from local.azureml.times import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.azureml.graph import Leaf

Json = dict[str, Any]

_REFERENCE = re.compile(r"\$\{\{\s*(?P<kind>inputs|outputs)\.(?P<name>[\w.-]+)\s*\}\}")
DATA_TYPES = (
    "uri_file",
    "uri_folder",
    "mltable",
    "mlflow_model",
    "custom_model",
    "triton_model",
)


@dataclass(frozen=True)
class Wanted:
    """One output: its type, where it shall lie (None: the usual place), the asset it becomes, if any.

    `bound` names the job's outputs that it fills.
    """

    type: str
    uri: str | None
    asset: str | None
    version: str | None
    bound: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommandPlan:
    """A command with what it needs. `path` is the node's in its pipeline, empty for a job of its own.

    `spread`: it asks for several nodes or processes.
    """

    path: str
    command: str
    code: str | None
    environment: str | None
    variables: Mapping[str, str]
    inputs: Mapping[str, Given | Wire]
    outputs: Mapping[str, Wanted]
    timeout: float | None
    compute: str | None
    spread: bool = False

    @property
    def needs(self) -> set[str]:
        """The paths of the nodes whose outputs it takes."""
        return {value.leaf for value in self.inputs.values() if isinstance(value, Wire)}


def of_job(body: Json) -> CommandPlan:
    """Return the plan of a command job's `properties`.

    Raises:
        AzureError: 400, naming what is missing or wrong.

    """
    inputs = {key: bindings.given(key, item) for key, item in (body.get("inputs") or {}).items()}
    outputs = {key: _wanted(item or {}, (key,)) for key, item in (body.get("outputs") or {}).items()}
    found = CommandPlan(
        path="",
        command=_command(body.get("command"), inputs, outputs),
        code=body.get("codeId"),
        environment=body.get("environmentId"),
        variables=_texts(body.get("environmentVariables")),
        inputs=inputs,
        outputs=outputs,
        timeout=_timeout(body),
        compute=body.get("computeId"),
        spread=_spread(body),
    )
    if not found.environment:
        raise bad_request("A command job needs an environmentId.")
    return found


def of_node(leaf: Leaf, spec: Json) -> CommandPlan:
    """Return the plan of a pipeline's command node whose component is `spec`.

    Raises:
        AzureError: 400, naming every input that is wrong; 501 for a component that is no command.

    """
    if spec.get("type") not in ("command", "CommandComponent"):
        raise unsupported(f"component of type {spec.get('type')} (node '{leaf.path}')")
    declared: Json = spec.get("inputs") or {}
    faults = _faults(leaf.inputs, declared)
    if faults:
        raise bad_request(f"Node '{leaf.path}' is not valid: {' '.join(faults)}", detail="InvalidInputs")
    usual = {
        name: Given(LITERAL, str(item["default"]))
        for name, item in declared.items()
        if item.get("default") is not None
    }
    inputs = {**usual, **leaf.inputs}
    outputs = {name: _node_output(leaf, name, item) for name, item in (spec.get("outputs") or {}).items()}
    variables = {
        **_texts(spec.get("environment_variables")),
        **_texts(leaf.node.get("environment_variables")),
    }
    return CommandPlan(
        path=leaf.path,
        command=_command(spec.get("command"), inputs, outputs),
        code=spec.get("code"),
        environment=leaf.node.get("environment") or spec.get("environment"),
        variables=variables,
        inputs=inputs,
        outputs=outputs,
        timeout=_timeout(leaf.node),
        compute=leaf.compute,
        spread=_spread(leaf.node) or _spread(spec),
    )


def optional(item: Json) -> bool:
    """Return whether a component's input may be left out; specifications write it as text, too."""
    return str(item.get("optional", "")).lower() == "true"


def _faults(inputs: Mapping[str, Given | Wire], declared: Json) -> list[str]:
    found = [f"Unknown input '{name}'." for name in inputs if name not in declared]
    for name, item in declared.items():
        value = inputs.get(name)
        if value is None and not optional(item) and item.get("default") is None:
            found.append(f"Required input '{name}' is missing.")
        if isinstance(value, Given):
            data = str(item.get("type")).lower() in DATA_TYPES
            if data == (value.type == LITERAL):
                found.append(f"Input '{name}' must be of type {item.get('type')}; found {value.type}.")
            elif not data:
                found += literal_faults(name, item, value.text)
    return found


def _node_output(leaf: Leaf, name: str, item: Json) -> Wanted:
    own = (leaf.node.get("outputs") or {}).get(name)
    bound = tuple(target for key, target in leaf.bound if key == name)
    asked = own if isinstance(own, dict) and "uri" in own else {}
    return _wanted({**item, **asked, **{k: v for k, v in _dict(own).items() if k.startswith("asset")}}, bound)


def _wanted(item: Json, bound: tuple[str, ...]) -> Wanted:
    kind = item.get("jobOutputType") or item.get("job_output_type") or item.get("type") or "uri_folder"
    return Wanted(str(kind), item.get("uri"), item.get("assetName"), item.get("assetVersion"), bound)


def _command(text: object, inputs: Mapping[str, object], outputs: Mapping[str, object]) -> str:
    if not isinstance(text, str) or not text.strip():
        raise bad_request("A command job needs a command.")
    there = {"inputs": inputs, "outputs": outputs}
    # What stands in $[[ ]] may name inputs that were not given: it is left out then.
    for match in _REFERENCE.finditer(re.sub(r"\$\[\[.*?\]\]", "", text, flags=re.DOTALL)):
        if match["name"] not in there[match["kind"]]:
            raise bad_request(
                f"The command names {match[0]}, and there is none in the job's {match['kind']}."
            )
    return text


def _spread(body: Json) -> bool:
    """Tell whether several nodes or processes are asked for; services into a node are refused on the way."""
    if body.get("services"):
        raise unsupported(f"services of a job: {', '.join(body['services'])}")
    resources = _dict(body.get("resources"))
    nodes = resources.get("instanceCount") or resources.get("instance_count") or 1
    return bool(body.get("distribution")) or int(nodes) > 1


def _timeout(body: Json) -> float | None:
    limits = body.get("limits")
    return seconds(str(limits["timeout"])) if isinstance(limits, dict) and limits.get("timeout") else None


def _texts(values: object) -> dict[str, str]:
    return {str(key): str(value) for key, value in _dict(values).items() if value is not None}


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}
