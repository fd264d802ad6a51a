"""Endpoints and deployments over plain HTTP: keys, traffic, failures, metrics of requests."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from local.azureml import traffic as rules
from local.azureml.errors import AzureError
from tests.local.azureml.flow import (
    SIZE,
    deployment_body,
    endpoint_body,
    provisioned,
    register,
    submit,
    wait_for,
)
from tests.local.azureml.rig import SUBSCRIPTION, WS, until
from tests.shelf import Shelf, Thing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

QUESTION = {
    "input_data": {"input_string": [{"role": "user", "content": "hi"}], "parameters": {}},
    "params": {},
}


@pytest.fixture(scope="module")
def model(emulator: Emulator, storage: Storage) -> str:
    assert storage
    submit(emulator, "for-serving")
    wait_for(emulator, "for-serving", "Completed")
    register(emulator, "for-serving", "served")
    return "served"


@pytest.fixture
def endpoint(emulator: Emulator) -> Iterator[str]:
    name = f"e-{uuid.uuid4().hex[:8]}"
    assert emulator.arm("PUT", f"/onlineEndpoints/{name}", json=endpoint_body()).status_code == 201
    yield f"/onlineEndpoints/{name}"
    emulator.arm("DELETE", f"/onlineEndpoints/{name}")


def deploy(emulator: Emulator, endpoint: str, name: str, model: str) -> None:
    answer = emulator.arm("PUT", f"{endpoint}/deployments/{name}", json=deployment_body(model))
    assert answer.status_code == 201, answer.text
    provisioned(emulator, f"{endpoint}/deployments/{name}")


def score(emulator: Emulator, endpoint: str, choice: str = "", **more: Any) -> httpx.Response:
    keys = emulator.arm("POST", f"{endpoint}/listKeys").json()
    headers = {"Authorization": f"Bearer {more.pop('key', keys['primaryKey'])}"}
    if choice:
        headers["azureml-model-deployment"] = choice
    uri = emulator.arm("GET", endpoint).json()["properties"]["scoringUri"]
    return emulator.client().post(uri, headers=headers, **({"json": QUESTION} | more))


def test_keys_traffic_and_choice(emulator: Emulator, endpoint: str, model: str) -> None:
    deploy(emulator, endpoint, "blue", model)
    assert score(emulator, endpoint).status_code == 404  # no traffic yet
    chosen = score(emulator, endpoint, "blue")
    assert (chosen.status_code, chosen.headers["azureml-model-deployment"]) == (200, "blue")
    assert score(emulator, endpoint, "green").status_code == 404
    refused = score(emulator, endpoint, "blue", key="wrong")
    assert (refused.status_code, "one of its keys" in refused.json()["message"]) == (401, True)
    assert emulator.arm("PUT", endpoint, json=endpoint_body({"blue": 100})).status_code == 200
    assert score(emulator, endpoint).json()["output"].endswith("blue knows 12 rows")
    bad = score(emulator, endpoint, json={})
    assert (bad.status_code, bad.headers["ms-azureml-model-error-statuscode"]) == (424, "400")


@pytest.mark.parametrize(
    ("traffic", "says"),
    [
        ({"none": 100}, "which endpoint"),
        ({"blue": 90}, "add up to 0 or 100"),
        ({"blue": 110}, "must be 0 to 100"),
    ],
)
def test_traffic_is_checked(
    emulator: Emulator, endpoint: str, model: str, traffic: dict[str, int], says: str
) -> None:
    deploy(emulator, endpoint, "blue", model)
    answer = emulator.arm("PUT", endpoint, json=endpoint_body(traffic))
    assert (answer.status_code, says in answer.text) == (400, True)


def test_traffic_is_split_by_weight(emulator: Emulator, endpoint: str, model: str) -> None:
    for name in ("blue", "green"):
        deploy(emulator, endpoint, name, model)
    emulator.arm("PUT", endpoint, json=endpoint_body({"blue": 50, "green": 50}))
    met = {score(emulator, endpoint).headers["azureml-model-deployment"] for _ in range(20)}
    assert met == {"blue", "green"}


def test_the_same_deployment_again_keeps_its_server(emulator: Emulator, endpoint: str, model: str) -> None:
    deploy(emulator, endpoint, "blue", model)
    key = f"{endpoint.rpartition('/')[2]}/blue"
    pid = emulator.admin("GET", "state")["servers"][key]
    again = emulator.arm("PUT", f"{endpoint}/deployments/blue", json=deployment_body(model))
    assert again.status_code == 200
    assert emulator.admin("GET", "state")["servers"][key] == pid
    emulator.arm("DELETE", f"{endpoint}/deployments/blue")
    until(lambda: not psutil.pid_exists(pid), 20, "the server's process is gone")
    until(lambda: not emulator.arm("GET", f"{endpoint}/deployments").json()["value"], 10, "it is not listed")
    assert emulator.arm("DELETE", f"{endpoint}/deployments/blue").status_code == 204


def test_a_server_that_dies_is_started_again(emulator: Emulator, endpoint: str, model: str) -> None:
    deploy(emulator, endpoint, "blue", model)
    key = f"{endpoint.rpartition('/')[2]}/blue"
    pid = emulator.admin("GET", "state")["servers"][key]
    psutil.Process(pid).kill()
    until(lambda: score(emulator, endpoint, "blue").status_code == 503, 20, "no server answers")
    until(lambda: score(emulator, endpoint, "blue").status_code == 200, 30, "another server answers")
    assert emulator.admin("GET", "state")["servers"][key] != pid


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"model": f"{WS}/models/nothing/versions/1"}, 404, "model 'nothing:1' does not exist"),
        ({"model": None}, 400, "needs the id of a model"),
        ({"model": "azureml://registries/azureml/models/Phi-4/versions/8"}, 501, "registry's model"),
        ({"instanceType": "Standard_Nothing"}, 400, "not offered in this region"),
    ],
)
def test_a_deployment_of_what_is_not_there_is_refused(
    emulator: Emulator, endpoint: str, model: str, change: dict[str, Any], code: int, says: str
) -> None:
    body = deployment_body(model)
    body["properties"] |= change
    answer = emulator.arm("PUT", f"{endpoint}/deployments/blue", json=body)
    assert (answer.status_code, says in answer.text) == (code, True), answer.text


def test_an_untrained_model_never_gets_served(emulator: Emulator, endpoint: str, storage: Storage) -> None:
    """A folder with an MLmodel file and nothing behind it: the server refuses, the deployment fails."""
    storage.put("azureml-blobstore", "hollow/MLmodel", b"flavors: {}")
    uri = "azureml://datastores/workspaceblobstore/paths/hollow/"
    body = {"properties": {"modelType": "mlflow_model", "modelUri": uri}}
    emulator.arm("PUT", "/models/hollow/versions/1", json=body)
    answer = emulator.arm("PUT", f"{endpoint}/deployments/blue", json=deployment_body("hollow"))
    provisioned(emulator, f"{endpoint}/deployments/blue", "Failed")
    ended = emulator.http("GET", answer.headers["Azure-AsyncOperation"])
    assert (ended.status_code, ended.json()["status"]) == (200, "Failed")
    assert ended.json()["error"]["message"].startswith("ResourceNotReady: User container has crashed")
    assert ended.headers["Retry-After"] == "1"
    logs = emulator.arm("POST", f"{endpoint}/deployments/blue/getLogs", json={"tail": 50}).json()["content"]
    assert "FileNotFoundError" in logs
    assert logs.endswith("The server ended with exit code 1.\n")
    again = emulator.arm("PUT", f"{endpoint}/deployments/blue", json=deployment_body("hollow"))
    assert (again.status_code, "is in an unrecoverable state" in again.text) == (400, True)
    emulator.arm("DELETE", f"{endpoint}/deployments/blue")
    gone = f"{endpoint}/deployments/blue"
    until(lambda: emulator.arm("GET", gone).status_code == 404, 10, "it is gone")
    assert emulator.arm("PUT", gone, json=deployment_body("hollow")).status_code == 201


def test_a_deleted_endpoint_can_be_made_again(emulator: Emulator, endpoint: str, model: str) -> None:
    deploy(emulator, endpoint, "blue", model)
    deleted = emulator.arm("DELETE", endpoint)
    assert deleted.status_code == 202
    operation = deleted.headers["Azure-AsyncOperation"]
    until(lambda: emulator.http("GET", operation).json()["status"] == "Succeeded", 20, "it is deleted")
    assert emulator.arm("GET", endpoint).json()["error"]["code"] == "ResourceNotFound"
    assert emulator.arm("PUT", endpoint, json=endpoint_body()).status_code == 201
    assert emulator.http("GET", operation).json()["status"] == "Succeeded"


def test_names_are_checked(emulator: Emulator) -> None:
    for name in ("ab", "1abc", "a" * 33, "abc-"):
        answer = emulator.arm("PUT", f"/onlineEndpoints/{name}", json=endpoint_body())
        assert (answer.status_code, "is no name for an endpoint" in answer.text) == (400, True)


def test_aad_token_endpoints_take_tokens_for_azure_ml(emulator: Emulator, model: str) -> None:
    place = f"/onlineEndpoints/t-{uuid.uuid4().hex[:8]}"
    emulator.arm("PUT", place, json=endpoint_body(mode="AADToken"))
    deploy(emulator, place, "blue", model)
    uri = emulator.arm("GET", place).json()["properties"]["scoringUri"]
    for resource, code in (("https://ml.azure.com", 200), ("https://storage.azure.com", 401)):
        headers = {
            "Authorization": f"Bearer {emulator.token(resource)}",
            "azureml-model-deployment": "blue",
        }
        assert emulator.client().post(uri, headers=headers, json=QUESTION).status_code == code
    assert emulator.arm("POST", f"{place}/listKeys").status_code == 400
    emulator.arm("DELETE", place)


def metrics(emulator: Emulator, resource: str, span: str, name: str, **more: str) -> list[dict[str, Any]]:
    asked = {"timespan": span, "interval": "PT1M", "metricnames": name, "aggregation": "Average", **more}
    asked["api-version"] = "2024-02-01"
    answer = emulator.http("GET", f"{WS}{resource}/providers/Microsoft.Insights/metrics", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["value"][0]["timeseries"]
    return found


def test_requests_and_heartbeat_follow_the_clock(
    make_emulator: Callable[..., Emulator], storage: Storage
) -> None:
    """Minutes with requests have points; a living server has one for each, through a moved clock too."""
    assert storage
    emulator = make_emulator()
    submit(emulator, "for-metrics")
    wait_for(emulator, "for-metrics", "Completed")
    register(emulator, "for-metrics", "served")
    place = "/onlineEndpoints/metered"
    emulator.arm("PUT", place, json=endpoint_body())
    deploy(emulator, place, "blue", "served")
    start = datetime.fromisoformat(emulator.admin("GET", "clock")["now"])
    for _ in range(3):
        score(emulator, place, "blue")
    later = start + timedelta(hours=3)
    emulator.admin("POST", "clock", json={"now": later.isoformat()})
    span = f"{start.isoformat()}/{later.isoformat()}"
    series = metrics(emulator, place, span, "RequestsPerMinute", **{"$filter": "deployment eq '*'"})
    assert [item["metadatavalues"][0]["value"] for item in series] == ["blue"]
    points = [point for point in series[0]["data"] if "average" in point]
    assert sum(point["average"] for point in points) == 3.0
    assert len(series[0]["data"]) >= 180
    (beats,) = metrics(emulator, f"{place}/deployments/blue", span, "CpuUtilizationPercentage")
    assert all("average" in point for point in beats["data"])
    late = f"{(later + timedelta(hours=1)).isoformat()}/{(later + timedelta(hours=2)).isoformat()}"
    (beats,) = metrics(emulator, f"{place}/deployments/blue", late, "CpuUtilizationPercentage")
    assert not any("average" in point for point in beats["data"])
    answer = emulator.arm("GET", f"{place}/providers/Microsoft.Insights/metrics?metricnames=Nothing")
    assert answer.status_code == 501


@pytest.fixture
def shelved(make_emulator: Callable[..., Emulator]) -> Emulator:
    """Two endpoints: one whose twelve deployments were each asked something two hours ago, a silent one."""
    emulator = make_emulator()
    at = datetime.fromisoformat(emulator.admin("GET", "clock")["now"])
    shelf = Shelf(emulator.folder, at)
    things = [Thing(f"d{n}", {}, timedelta(days=1), asked=(timedelta(hours=2),)) for n in range(12)]
    shelf.put("many", {}, timedelta(days=1), *things)
    shelf.put("silent", {}, timedelta(days=1), Thing("d", {}, timedelta(days=1), beats=timedelta(days=1)))
    shelf.close()
    return emulator


def test_a_split_metric_has_ten_series_unless_more_are_asked_for(shelved: Emulator) -> None:
    at = datetime.fromisoformat(shelved.admin("GET", "clock")["now"])
    span, split = (
        f"{(at - timedelta(hours=3)).isoformat()}/{at.isoformat()}",
        {"$filter": "deployment eq '*'"},
    )
    assert len(metrics(shelved, "/onlineEndpoints/many", span, "RequestsPerMinute", **split)) == 10
    more = {**split, "top": "1000"}
    assert len(metrics(shelved, "/onlineEndpoints/many", span, "RequestsPerMinute", **more)) == 12


def test_many_resources_are_read_in_one_call(shelved: Emulator) -> None:
    at = datetime.fromisoformat(shelved.admin("GET", "clock")["now"])
    asked = {
        "api-version": "2024-02-01",
        "starttime": (at - timedelta(hours=3)).isoformat(),
        "endtime": at.isoformat(),
        "metricnames": "RequestsPerMinute",
        "metricnamespace": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
        "aggregation": "Average",
        "filter": "deployment eq '*'",
        "top": "1000",
    }

    def batch(ids: list[str], audience: str = "/metrics", **more: str) -> httpx.Response:
        url = f"{shelved.url}/metrics/subscriptions/{SUBSCRIPTION}/metrics:getBatch"
        headers = {"Authorization": f"Bearer {shelved.token(shelved.url + audience)}"}
        return shelved.client().post(
            url, params={**asked, **more}, json={"resourceids": ids}, headers=headers
        )

    ids = [f"{WS}/onlineEndpoints/{name}" for name in ("many", "silent", "gone")]
    values = batch(ids).json()["values"]
    assert [value["resourceid"] for value in values] == ids
    assert [len(value["value"][0]["timeseries"]) for value in values] == [12, 0, 0]
    assert batch(ids, audience="").status_code == 401  # the resource manager's token opens another door
    assert batch([f"{WS}/onlineEndpoints/e{n}" for n in range(51)]).status_code == 400
    assert batch([*ids, f"{WS}/onlineEndpoints/silent/deployments/d"]).status_code == 400
    assert batch(ids, starttime="yesterday").status_code == 400


def test_prices_are_filtered_as_the_retail_api_does(emulator: Emulator) -> None:
    wanted = f"armSkuName eq '{SIZE}' and armRegionName eq 'eastus2' and priceType eq 'Consumption'"
    answer = emulator.client().get(f"{emulator.url}/api/retail/prices", params={"$filter": wanted}).json()
    plain = [
        item["retailPrice"]
        for item in answer["Items"]
        if "Windows" not in item["productName"] and not item["skuName"].endswith(("Spot", "Low Priority"))
    ]
    assert plain == [3.673]
    assert answer["NextPageLink"] is None


def test_keys_are_made_again_one_at_a_time(emulator: Emulator, endpoint: str) -> None:
    before = emulator.arm("POST", f"{endpoint}/listKeys").json()
    answer = emulator.arm("POST", f"{endpoint}/regenerateKeys", json={"keyType": "Primary"})
    assert answer.status_code == 202
    after = emulator.arm("POST", f"{endpoint}/listKeys").json()
    assert before["primaryKey"] != after["primaryKey"]
    assert before["secondaryKey"] == after["secondaryKey"]
    assert emulator.arm("POST", f"{endpoint}/regenerateKeys", json={"keyType": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("traffic", "mirror", "said"),
    [
        ({"a": 100}, {"b": 60}, "At most 50 percent"),
        ({"a": 50, "b": 50}, {"b": 10}, "has live traffic"),
        ({"a": 100}, {"c": 10}, "'c', which endpoint"),
        ({"a": 60}, {}, "add up to 0 or 100"),
    ],
)
def test_shares_of_live_and_mirrored_traffic_are_checked(
    traffic: dict[str, int], mirror: dict[str, int], said: str
) -> None:
    with pytest.raises(AzureError, match=said):
        rules.check("e", traffic, mirror, {"a", "b"})
    rules.check("e", {"a": 100}, {"b": 50}, {"a", "b"})


def test_a_mirrored_deployment_gets_copies_that_nobody_waits_for(
    emulator: Emulator, endpoint: str, model: str
) -> None:
    for name in ("live", "shadow"):
        deploy(emulator, endpoint, name, model)
    body = endpoint_body({"live": 100})
    body["properties"]["mirrorTraffic"] = {"shadow": 50}
    assert emulator.arm("PUT", endpoint, json=body).status_code == 200
    for _ in range(12):
        assert score(emulator, endpoint).headers["azureml-model-deployment"] == "live"
    query = "metricnames=RequestsPerMinute&aggregation=Average&interval=PT1M"
    path = f"{endpoint}/providers/Microsoft.Insights/metrics?{query}&$filter=deployment eq '*'"

    def copied() -> bool:
        series = emulator.arm("GET", path).json()["value"][0]["timeseries"]
        return any(one["metadatavalues"][0]["value"] == "shadow" for one in series)

    until(copied, 20, "the shadow has had a request")
