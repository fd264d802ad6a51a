"""Which clusters a job works on, and on how many of their nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.azureml import catalogue, graph, submission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.azureml.graph import Leaf

Json = dict[str, Any]


@dataclass(frozen=True)
class Demand:
    """Nodes of a cluster; `size` is what is asked for where the compute is serverless."""

    compute: str
    size: str
    nodes: int


class _Closed:
    """Looks no component up: what a pipeline component holds counts as one node of its compute."""

    def spec(self, _identity: str) -> Json | None:
        return None


def demands(body: Json) -> Iterator[Demand]:
    """Yield what each node of a job's `properties` works on.

    Raises:
        AzureError: the body is none that runs.

    """
    if body.get("jobType") != "Pipeline":
        yield _of_command(body, str(body.get("computeId") or ""))
        return
    for leaf in graph.leaves(body, _Closed()):
        yield _of_leaf(leaf)


def _of_leaf(leaf: Leaf) -> Demand:
    if not str(leaf.node.get("componentId")).startswith("azureml://registries/"):
        return _of_command(leaf.node, leaf.compute or "")
    values = submission.plan(leaf, catalogue.components(noop=True)).values
    size = str(values.get("instance_type_finetune"))
    return Demand(str(values.get("compute_finetune")), size, int(values.get("num_nodes_finetune", 1)))


def _of_command(body: Json, compute: str) -> Demand:
    resources: Json = body.get("resources") or {}
    size = resources.get("instanceType") or resources.get("instance_type") or ""
    count = resources.get("instanceCount") or resources.get("instance_count") or 1
    return Demand(compute.rpartition("/")[2], str(size), int(count))
