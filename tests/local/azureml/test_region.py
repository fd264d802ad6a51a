"""The region by its admin API, seen through the SDK: sizes, quotas, retired and archived models, clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.local.azureml.flow import (
    SIZE,
    deployment_body,
    endpoint_body,
    job_body,
    register,
    submit,
    wait_for,
)
from tests.local.azureml.rig import WS, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

pytestmark = pytest.mark.filterwarnings("ignore")
FAMILY = "standardNCADSA100v4Family"
V100 = "Standard_NC6s_v3"


@pytest.fixture(autouse=True)
def as_before(emulator: Emulator) -> Iterator[None]:
    yield
    for what in ("region", "registry", "mishaps"):
        emulator.admin("DELETE", what)
    emulator.admin("POST", "clock", json={"now": None})


@pytest.fixture
def client(ml: Callable[..., Any]) -> Any:
    return ml()


def usages(client: Any) -> dict[tuple[str, str], tuple[int, int]]:
    """Return what is used and the limit, by name and kind."""
    found = {}
    for usage in client.compute.list_usage():
        kind = usage.type.split("/")[1]
        # SDK 1.35.2 leaves current_value None: what the service sent lies beside it, under its JSON name
        found[usage.name["value"], kind] = (vars(usage)["currentValue"], usage.limit)
    return found


def cluster(name: str, size: str = SIZE, **more: Any) -> Any:
    from azure.ai.ml.entities import AmlCompute  # noqa: TID251 - the SDK under test

    return AmlCompute(name=name, size=size, min_instances=0, max_instances=2, **more)


def none_held(client: Any, emulator: Emulator) -> None:
    """Take away what other tests left on this emulator, whichever came before, and wait until it has gone."""
    state = emulator.admin("GET", "state")
    for endpoint in state["endpoints"]:
        emulator.arm("DELETE", f"/onlineEndpoints/{endpoint['name']}")
    for job in state["jobs"]:
        if job["status"] not in {"Completed", "Failed", "Canceled"}:
            emulator.arm("POST", f"/jobs/{job['name']}/cancel")
    until(lambda: usages(client)[FAMILY, "dedicatedCores"][0] == 0, 60, "nobody holds cores")


def test_by_default_all_sizes_are_offered_and_quota_is_ample(client: Any) -> None:
    sizes = {size.name: size for size in client.compute.list_sizes()}
    assert {V100, "Standard_NC24rs_v3", "Standard_NC6", SIZE} <= set(sizes)
    assert (sizes[SIZE].gpus, vars(sizes[SIZE])["vCPUs"]) == (1, 24)
    found = usages(client)
    assert found[FAMILY, "dedicatedCores"][1] >= 1000
    assert found[FAMILY, "lowPriorityCores"][1] == -1  # no limit of its own at low priority
    assert {"TotalClusters", "TotalDedicatedCores", "TotalLowPriorityCores"} <= {name for name, _ in found}


def test_offers_and_retirement_take_sizes_away(client: Any, emulator: Emulator) -> None:
    emulator.admin("PATCH", "region", json={"retirement": True})
    names = {size.name for size in client.compute.list_sizes()}
    assert (V100 in names, SIZE in names) == (False, True)
    emulator.admin("POST", "clock", json={"now": "2025-01-01T00:00:00Z"})
    assert V100 in {size.name for size in client.compute.list_sizes()}
    emulator.admin("PATCH", "region", json={"offers": ["Standard_E4s_v3"]})
    assert [size.name for size in client.compute.list_sizes()] == ["Standard_E4s_v3"]
    with pytest.raises(HttpResponseError, match="is not a supported VM size") as refused:
        client.compute.begin_create_or_update(cluster("not-offered"))
    assert refused.value.error.code == "InvalidPropertyValue"


def test_a_family_without_quota_has_no_cluster(client: Any, emulator: Emulator) -> None:
    none_held(client, emulator)
    emulator.admin("PATCH", "region", json={"quotas": {FAMILY: 23}})
    assert usages(client)[FAMILY, "dedicatedCores"] == (0, 23)
    with pytest.raises(HttpResponseError, match="vCPU quota of 23 and cannot accomodate") as refused:
        client.compute.begin_create_or_update(cluster("no-quota"))
    assert refused.value.error.code == "ClusterMinNodesExceedCoreQuota"
    made = client.compute.begin_create_or_update(cluster("low", tier="low_priority")).result()
    assert (made.provisioning_state, made.tier) == ("Succeeded", "low_priority")
    emulator.admin("PATCH", "region", json={"quotas": {"TotalLowPriorityCores": 0}})
    with pytest.raises(HttpResponseError, match="has a total vCPU quota of 0"):
        client.compute.begin_create_or_update(cluster("low-too", tier="low_priority"))
    emulator.admin("PATCH", "region", json={"quotas": {}, "not_at_low_priority": [SIZE]})
    place = WS.split("/resourceGroups/")[0] + "/providers/Microsoft.MachineLearningServices/locations/eastus2"
    sizes = emulator.http("GET", f"{place}/vmSizes?api-version=2023-08-01-preview").json()["value"]
    offered = {size["name"]: size["lowPriorityCapable"] for size in sizes}
    assert (offered[SIZE], offered["Standard_D11_v2"]) == (False, True)
    with pytest.raises(HttpResponseError, match="not allowed for LowPriority"):
        client.compute.begin_create_or_update(cluster("low-too", tier="low_priority"))


def test_a_job_at_work_and_a_deployment_hold_quota(client: Any, emulator: Emulator, storage: Storage) -> None:
    """A deployment holds a fifth more than it has; a cluster holds only while a job works on it."""
    assert storage
    client.compute.begin_create_or_update(cluster("at-work")).result()
    none_held(client, emulator)
    submit(emulator, "works", {"compute_finetune": "at-work", "seed": "3", "num_nodes_finetune": "2"})
    wait_for(emulator, "works", "Running")
    assert usages(client)[FAMILY, "dedicatedCores"][0] == 48
    emulator.arm("POST", "/jobs/works/cancel")
    wait_for(emulator, "works", "Canceled")
    submit(emulator, "for-quota")
    wait_for(emulator, "for-quota", "Completed")
    register(emulator, "for-quota", "quota")
    emulator.arm("PUT", "/onlineEndpoints/quota", json=endpoint_body())
    blue = "/onlineEndpoints/quota/deployments/blue"
    assert emulator.arm("PUT", blue, json=deployment_body("quota")).status_code == 201
    assert usages(client)[FAMILY, "dedicatedCores"][0] == 29  # 24 and a fifth
    assert usages(client)["TotalDedicatedCores", "dedicatedCores"][0] == 29
    emulator.admin("PATCH", "region", json={"quotas": {FAMILY: 50}, "used": {FAMILY: 10}})
    assert usages(client)[FAMILY, "dedicatedCores"] == (39, 50)
    green = emulator.arm("PUT", "/onlineEndpoints/quota/deployments/green", json=deployment_body("quota"))
    assert (green.status_code, green.json()["error"]["code"]) == (400, "BadRequest")
    (detail,) = green.json()["error"]["details"]
    assert detail["code"] == "InferencingClientCallFailed"
    assert "Current usage/limit: 39/50. Additional needed: 29" in detail["message"]
    emulator.arm("DELETE", "/onlineEndpoints/quota")


def test_a_cluster_takes_its_time_and_may_fail(client: Any, emulator: Emulator) -> None:
    emulator.admin("PATCH", "region", json={"compute_seconds": 1})
    poller = client.compute.begin_create_or_update(cluster("slow"))
    assert emulator.arm("GET", "/computes/slow").json()["properties"]["provisioningState"] == "Creating"
    assert poller.result().provisioning_state == "Succeeded"
    mishap = {"kind": "compute", "name": "broken", "code": "AllocationFailed", "message": "no capacity"}
    emulator.admin("POST", "mishaps", json=mishap)
    poller = client.compute.begin_create_or_update(cluster("broken"))
    with pytest.raises(HttpResponseError, match="no capacity"):
        poller.result()
    found = client.compute.get("broken")
    assert (found.provisioning_state, found.provisioning_errors) == ("Failed", "AllocationFailed")
    answer = emulator.arm("PUT", "/jobs/nowhere", json=job_body({"compute_finetune": "broken"}))
    assert (answer.status_code, "could not be provisioned" in answer.text) == (400, True)


def test_registry_models_are_archived_retired_and_added(
    ml: Callable[..., Any], emulator: Emulator, storage: Storage
) -> None:
    assert storage
    registry = ml(registry_name="azureml")
    newest = {"like": "Phi-4:8", "created": "2026-08-01T00:00:00Z", "tags": {"task": "chat-completion"}}
    emulator.admin("PUT", "registry/models/Phi-4/versions/9", json=newest)
    assert registry.models.get("Phi-4", label="latest").version == "9"
    emulator.admin("PUT", "registry/models/Phi-4/versions/9", json={**newest, "isArchived": True})
    assert registry.models.get("Phi-4", label="latest").version == "8"
    assert registry.models.get("Phi-4", version="9").tags == {"task": "chat-completion"}
    assert "stands on tiny" in registry.models.get("Phi-4", version="8").description
    raw = model_version(emulator, "Phi-4", "9")["properties"]
    assert (raw["isArchived"], raw["systemMetadata"]["displayName"]) == (True, "Phi-4")
    archived = model_version(emulator, "Phi-3-mini-4k-instruct", "15")["properties"]
    assert archived["systemMetadata"]["deprecation"]["finetuneRetirementDate"].startswith("2025-08-30")
    body = job_body({"instance_type_finetune": SIZE})
    wanted = "azureml://registries/azureml/models/Phi-3-mini-4k-instruct/versions/15"
    body["properties"]["jobs"]["ft"]["inputs"]["mlflow_model_path"]["uri"] = wanted
    emulator.admin("PATCH", "region", json={"retirement": True})
    answer = emulator.arm("PUT", "/jobs/retired", json=body)
    assert (answer.status_code, "retired for fine-tuning on 2025-08-30" in answer.text) == (400, True)
    emulator.admin("DELETE", "region")
    assert emulator.arm("PUT", "/jobs/retired", json=body).status_code == 201


def model_version(emulator: Emulator, name: str, version: str) -> Any:
    place = WS.partition("/resourceGroups")[0]
    provider = "providers/Microsoft.MachineLearningServices/registries/azureml"
    base = f"/mferp/managementfrontend{place}/resourceGroups/registries/{provider}"
    return emulator.http("GET", f"{base}/models/{name}/versions/{version}").json()


def test_what_the_region_does_not_know_is_refused(emulator: Emulator) -> None:
    for wrong, says in (
        ({"offers": ["Standard_X"]}, "no size 'Standard_X'"),
        ({"quotas": {"nothing": 1}}, "no family 'nothing'"),
        ({"quota": {}}, "unknown field `quota`"),
        ({"retirement": "yes"}, "retirement"),
    ):
        answer = emulator.client().patch(f"{emulator.url}/admin/region", json=wrong)
        assert (answer.status_code, says in answer.text) == (400, True), answer.text
    for path, body in (("mishaps", {"kind": "job", "how": "explode"}), ("mishaps", {"name": "x"})):
        assert emulator.client().post(f"{emulator.url}/admin/{path}", json=body).status_code == 400


def test_settings_survive_a_restart(make_emulator: Callable[..., Emulator]) -> None:
    emulator = make_emulator()
    emulator.admin("PATCH", "region", json={"quotas": {FAMILY: 7}})
    emulator.stop()
    emulator.start()
    assert emulator.admin("GET", "region")["settings"]["quotas"] == {FAMILY: 7}


def test_an_endpoints_name_lingers_and_others_names_are_taken(emulator: Emulator) -> None:
    emulator.admin("PATCH", "region", json={"name_lingers": 900, "taken_names": ["theirs"]})
    assert emulator.arm("PUT", "/onlineEndpoints/ours", json=endpoint_body()).status_code == 201
    emulator.arm("DELETE", "/onlineEndpoints/ours")
    until(lambda: emulator.arm("GET", "/onlineEndpoints/ours").status_code == 404, 10, "it is gone")
    for name in ("ours", "theirs"):
        answer = emulator.arm("PUT", f"/onlineEndpoints/{name}", json=endpoint_body())
        assert (answer.status_code, "There is already an endpoint with this name" in answer.text) == (
            400,
            True,
        )
    now = emulator.admin("GET", "clock")["now"]
    emulator.admin("POST", "clock", json={"now": now.replace(now[:4], str(int(now[:4]) + 1), 1)})
    assert emulator.arm("PUT", "/onlineEndpoints/ours", json=endpoint_body()).status_code == 201
    emulator.arm("DELETE", "/onlineEndpoints/ours")


def test_the_limits_of_a_region_hold(emulator: Emulator) -> None:
    there = len(emulator.arm("GET", "/onlineEndpoints").json()["value"])
    emulator.admin("PATCH", "region", json={"endpoints": there + 1, "deployments_per_endpoint": 0})
    assert emulator.arm("PUT", "/onlineEndpoints/last", json=endpoint_body()).status_code == 201
    answer = emulator.arm("PUT", "/onlineEndpoints/one-more", json=endpoint_body())
    assert (answer.status_code, "endpoints in this region is reached" in answer.text) == (400, True)
    emulator.arm("DELETE", "/onlineEndpoints/last")
