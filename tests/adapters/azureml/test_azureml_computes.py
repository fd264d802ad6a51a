"""Clusters, sizes and quotas, read out of what Azure ML answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.adapters.azureml import AzureMLComputes
from shared.domain.sizes import Size, Usage, quota, total
from tests.adapters.azureml.https import Reply, Seen, Service, service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch, service(tmp_path, patch) as made:
        yield made


def answering(azure: Service, part: str, body: dict[str, Any]) -> AzureMLComputes:
    def answer(seen: Seen) -> Reply:
        if f"/{part}?" in seen.line:
            return Reply(body=body)
        return (
            Reply(body={"location": "eastus2", "properties": {}})
            if "/workspaces/w?" in seen.line
            else Reply(404)
        )

    azure.answer = answer
    return AzureMLComputes(azure.place())


def usage(
    value: str, words: str, kind: str, used: int, limit: int, owner: str = "/subscriptions/s"
) -> dict[str, Any]:
    return {
        "id": f"{owner}/usages/{value}",
        "type": f"Microsoft.MachineLearningServices/{kind}/usages",
        "currentValue": used,
        "limit": limit,
        "name": {"value": value, "localizedValue": words},
    }


def test_quotas_are_read_as_live_answers_and_as_the_published_example_have_them(azure: Service) -> None:
    live, words = "standardNCADSA100v4Family", "Standard NCADSA100v4 Family Cluster Dedicated vCPUs"
    listed = [
        usage("TotalClusters", "Total Clusters", "totalCores", 1, 200),
        usage("TotalDedicatedCores", "Total Cluster Dedicated Regional vCPUs", "dedicatedCores", 14, 300),
        usage(
            "TotalLowPriorityCores", "Total Cluster Low Priority Regional vCPUs", "lowPriorityCores", 18, 50
        ),
        usage(live, words, "dedicatedCores", 24, 96),
        usage(live, words.replace("Dedicated", "LowPriority"), "lowPriorityCores", 0, -1),
        usage("Standard NC Family Cluster Dedicated vCPUs", "", "vmFamily", 12, 24),
        usage(live, words, "workspaces", 24, 48, MINE),
        usage(live, words, "workspaces", 24, 1, MINE[:-1] + "other"),
        usage(live, words, "workspaces/computes", 24, 1, f"{MINE}/computes/c"),
    ]
    found = answering(azure, "usages", {"value": listed}).usages()
    assert quota(found, "StandardNCADSA100v4Family") == Usage(
        "standardncadsa100v4family", "dedicated", 24, 48
    )
    assert quota(found, "standardNCFamily") == Usage("standardncfamily", "dedicated", 12, 24)
    assert total(found, "dedicated") == Usage("", "dedicated", 14, 300)
    assert total(found, "low_priority") == Usage("", "low_priority", 18, 50)
    assert len(found) == 6


def test_sizes_are_read_with_family_cores_and_gpus(azure: Service) -> None:
    body = {"value": [{"name": "Standard_X", "family": "f", "vCPUs": 24, "gpus": 1}, {"name": "Standard_Y"}]}
    found = answering(azure, "vmSizes", body).sizes()
    assert found == {"standard_x": Size("Standard_X", "f", 24, 1), "standard_y": Size("Standard_Y", "", 0, 0)}


def test_a_failed_cluster_s_errors_are_read(azure: Service) -> None:
    errors = [{"error": {"code": "SubnetFull", "message": "No address left."}}, {"message": "And more."}]
    inner = {"vmSize": "Standard_X", "vmPriority": "LowPriority", "scaleSettings": {"maxNodeCount": 4}}
    body = {"properties": {"provisioningState": "Failed", "provisioningErrors": errors, "properties": inner}}
    found = answering(azure, "computes/c", body).find("c")
    assert (found.state, found.tier, found.max_nodes) == ("failed", "low_priority", 4)
    assert found.errors == ("SubnetFull: No address left.", "And more.")
