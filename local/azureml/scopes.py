"""The levels of a pipeline: the job itself, and each pipeline component in it; what their names mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from local.azureml import bindings
from local.azureml.bindings import Given, Wire
from local.azureml.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]


class Components(Protocol):
    """Looks up the specification behind a node's componentId."""

    def spec(self, identity: str) -> Json | None:
        """Return a workspace component's specification; None for one that the registry runs."""


@dataclass
class Scope:
    """One level: its nodes, the values of its inputs, and where in the job it stands."""

    components: Components
    nodes: Json
    inputs: dict[str, Given | Wire]
    path: str = ""
    parent: Scope | None = None
    name: str = ""
    _inner: dict[str, Scope] = field(default_factory=dict)

    def leaf(self, node: str) -> str:
        """Return the node's path in the job."""
        return f"{self.path}{node}"

    def inner(self, node: str) -> Scope | None:
        """Return the level inside a node that is a pipeline component of the workspace; else None.

        Raises:
            AzureError: 400 or 404, when the node is not there or its component is not.

        """
        if node in self._inner:
            return self._inner[node]
        body = self.nodes.get(node)
        if not isinstance(body, dict):
            raise bad_request(f"The job refers to the node '{self.leaf(node)}', which is not there.")
        if body.get("type") != "pipeline":
            return None
        spec = self.components.spec(str(body.get("componentId")))
        if spec is None:
            return None
        inputs = {**_defaults(spec), **self.values(body.get("inputs") or {})}
        found = Scope(self.components, spec.get("jobs") or {}, inputs, f"{self.leaf(node)}/", self, node)
        self._inner[node] = found
        return found

    def values(self, items: Json) -> dict[str, Given | Wire]:
        """Return what a node's inputs are, references followed to their end."""
        found = {key: self._value(key, item) for key, item in items.items()}
        return {key: value for key, value in found.items() if value is not None}

    def _value(self, key: str, item: Json) -> Given | Wire | None:
        text = bindings.text_of(item)
        name, other = bindings.parent_input(text), bindings.node_output(text)
        if other:
            return self.output(*other)
        if name is None:
            return bindings.given(key, item)
        if name not in self.inputs and self.parent is None:
            raise bad_request(f"Input '{key}' is bound to the job's input '{name}', which is not there.")
        # An optional input of a pipeline component that nobody gave is not given to its nodes either.
        return self.inputs.get(name)

    def output(self, node: str, name: str) -> Wire:
        """Return which node really puts out what `node` shows as its output `name`."""
        inner = self.inner(node)
        if inner is None:
            return Wire(self.leaf(node), name)
        for child, body in inner.nodes.items():
            for key, item in (body.get("outputs") or {}).items():
                if bindings.parent_output(bindings.text_of(item)) == name:
                    return inner.output(child, key)
        raise bad_request(f"Output '{name}' of node '{self.leaf(node)}' is bound to none of its own nodes.")

    def bound(self, items: Json) -> Iterator[tuple[str, str]]:
        """Yield which of a node's outputs is which of the job's, followed up through the levels."""
        for key, item in items.items():
            name = bindings.parent_output(bindings.text_of(item))
            scope: Scope | None = self
            while name is not None and scope is not None and scope.parent is not None:
                node = scope.parent.nodes[scope.name]
                above = (node.get("outputs") or {}).get(name)
                name = bindings.parent_output(bindings.text_of(above)) if above is not None else None
                scope = scope.parent
            if name is not None:
                yield key, name


def _defaults(spec: Json) -> dict[str, Given | Wire]:
    inputs: Json = spec.get("inputs") or {}
    return {
        name: Given(bindings.LITERAL, str(item["default"]))
        for name, item in inputs.items()
        if item.get("default") is not None
    }
