"""A pipeline job's nodes in the order in which they can run, all levels of it laid flat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.azureml import bindings
from local.azureml.bindings import Given, Wire
from local.azureml.errors import bad_request, unsupported
from local.azureml.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.azureml.scopes import Components

Json = dict[str, Any]

_RUNS = ("command", "pipeline")


@dataclass(frozen=True)
class Leaf:
    """One node that is no pipeline itself. `path` is `node`, or `outer/node`.

    `bound` pairs its outputs with the job's that they fill. `compute` is what the node or the levels around
    it say, None where nobody says anything.
    """

    path: str
    node: Json
    inputs: Mapping[str, Given | Wire]
    bound: tuple[tuple[str, str], ...]
    compute: str | None

    @property
    def needs(self) -> set[str]:
        """The paths of the nodes whose outputs it takes."""
        return {value.leaf for value in self.inputs.values() if isinstance(value, Wire)}


def leaves(body: Json, components: Components) -> list[Leaf]:
    """Return the nodes of a pipeline job's `properties`; each comes after those it needs.

    Raises:
        AzureError: 400 for references that lead nowhere or in a circle, 501 for nodes of other types.

    """
    nodes = body.get("jobs")
    if not isinstance(nodes, dict) or not nodes:
        raise bad_request("A pipeline job needs at least one node in 'jobs'.")
    inputs = {key: bindings.given(key, item) for key, item in (body.get("inputs") or {}).items()}
    settings: Json = body.get("settings") or {}
    compute = body.get("computeId") or settings.get("default_compute")
    found = list(_flat(Scope(components, nodes, dict(inputs)), str(compute) if compute else None))
    _check_outputs(body, found)
    return _in_order({leaf.path: leaf for leaf in found})


def _flat(scope: Scope, compute: str | None) -> Iterator[Leaf]:
    for name, node in scope.nodes.items():
        if node.get("type") not in _RUNS:
            raise unsupported(f"pipeline node of type {node.get('type')} ('{scope.leaf(name)}')")
        own = _compute(scope, node) or compute
        inner = scope.inner(name)
        if inner is not None:
            yield from _flat(inner, own)
            continue
        inputs = scope.values(node.get("inputs") or {})
        yield Leaf(scope.leaf(name), node, inputs, tuple(scope.bound(node.get("outputs") or {})), own)


def _compute(scope: Scope, node: Json) -> str | None:
    text = str(node.get("computeId") or "")
    name = bindings.parent_input(text)
    value = scope.inputs.get(name) if name else None
    return value.text if isinstance(value, Given) else (text or None)


def _check_outputs(body: Json, found: list[Leaf]) -> None:
    declared: Json = body.get("outputs") or {}
    for leaf in found:
        for key, output in leaf.bound:
            if output not in declared:
                raise bad_request(
                    f"Output '{key}' of node '{leaf.path}' is bound to no output of the job: {output}."
                )


def _in_order(found: Mapping[str, Leaf]) -> list[Leaf]:
    done: dict[str, Leaf] = {}
    waiting = dict(found)
    while waiting:
        ready = [leaf for leaf in waiting.values() if leaf.needs <= done.keys()]
        if not ready:
            raise bad_request(f"The nodes {', '.join(waiting)} need each other's outputs in a circle.")
        for leaf in ready:
            done[leaf.path] = waiting.pop(leaf.path)
    return list(done.values())
