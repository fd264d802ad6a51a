"""Blue, then green: scaling, a silent test, mirrored and moved traffic.

Written after Azure/azureml-examples, sdk/python/endpoints/online/managed/online-endpoints-safe-rollout.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

import json
from pathlib import Path

import requests
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from common import HERE, unique, workspace

IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
ml_client = workspace()
online_endpoint_name = unique("rollout")
Path("conda.yaml").write_text("name: model-env\ndependencies:\n  - python=3.11\n")
Path("request.json").write_text(json.dumps({"data": [1, 2]}))


def deployment(name: str, slope: float) -> ManagedOnlineDeployment:
    folder = Path(name)
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"slope": slope, "intercept": 0}))
    return ManagedOnlineDeployment(
        name=name,
        endpoint_name=online_endpoint_name,
        model=Model(path=str(folder / "model.json")),
        environment=Environment(conda_file="conda.yaml", image=IMAGE),
        code_configuration=CodeConfiguration(code=str(HERE / "scoring"), scoring_script="score.py"),
        instance_type="Standard_DS3_v2",
        instance_count=1,
    )


def ask(deployment_name: str | None = None) -> list[float]:
    answer: list[float] = json.loads(
        ml_client.online_endpoints.invoke(
            endpoint_name=online_endpoint_name, deployment_name=deployment_name, request_file="request.json"
        )
    )
    return answer


def score() -> list[float]:
    """Ask whoever has the traffic; the SDK's invoke keeps the deployment it was once given (1.35.2)."""
    found = ml_client.online_endpoints.get(name=online_endpoint_name)
    key = ml_client.online_endpoints.get_keys(name=online_endpoint_name).primary_key
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer: list[float] = requests.post(
        found.scoring_uri, Path("request.json").read_bytes(), headers=headers, timeout=60
    ).json()
    return answer


endpoint = ManagedOnlineEndpoint(
    name=online_endpoint_name, description="this is a sample online endpoint", auth_mode="key"
)
ml_client.online_endpoints.begin_create_or_update(endpoint).result()
ml_client.online_deployments.begin_create_or_update(deployment("blue", 1)).result()
endpoint.traffic = {"blue": 100}
ml_client.online_endpoints.begin_create_or_update(endpoint).result()
assert ask() == [1, 2]
blue = ml_client.online_deployments.get(name="blue", endpoint_name=online_endpoint_name)
blue.instance_count = 2
ml_client.online_deployments.begin_create_or_update(blue).result()
assert ml_client.online_deployments.get("blue", online_endpoint_name).instance_count == 2
ml_client.online_deployments.begin_create_or_update(deployment("green", 10)).result()
assert ask("green") == [10, 20]
assert score() == [1, 2]
endpoint.mirror_traffic = {"green": 10}
ml_client.begin_create_or_update(endpoint).result()
assert all(score() == [1, 2] for _ in range(5))
endpoint.mirror_traffic = {"green": 0}
ml_client.begin_create_or_update(endpoint).result()
endpoint.traffic = {"blue": 90, "green": 10}
ml_client.begin_create_or_update(endpoint).result()
assert score() in ([1, 2], [10, 20])
endpoint.traffic = {"blue": 0, "green": 100}
ml_client.begin_create_or_update(endpoint).result()
assert score() == [10, 20]
ml_client.online_deployments.begin_delete(name="blue", endpoint_name=online_endpoint_name).wait()
assert [one.name for one in ml_client.online_deployments.list(online_endpoint_name)] == ["green"]
ml_client.online_endpoints.begin_delete(name=online_endpoint_name).wait()
