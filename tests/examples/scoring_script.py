"""A scoring script behind an endpoint; its logs, keys and details.

Written after Azure/azureml-examples, sdk/python/endpoints/online/managed/online-endpoints-simple-deployment.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from common import HERE, workspace

ml_client = workspace()
endpoint_name = "endpt-" + datetime.datetime.now().strftime("%m%d%H%M%f")
endpoint = ManagedOnlineEndpoint(
    name=endpoint_name, description="this is a sample online endpoint", auth_mode="key", tags={"foo": "bar"}
)
Path("model.json").write_text(json.dumps({"slope": 2, "intercept": 1}))
Path("conda.yaml").write_text("name: model-env\ndependencies:\n  - python=3.11\n")
Path("request.json").write_text(json.dumps({"data": [10]}))
blue_deployment = ManagedOnlineDeployment(
    name="blue",
    endpoint_name=endpoint_name,
    model=Model(path="model.json"),
    environment=Environment(
        conda_file="conda.yaml", image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:latest"
    ),
    code_configuration=CodeConfiguration(code=str(HERE / "scoring"), scoring_script="score.py"),
    instance_type="Standard_DS3_v2",
    instance_count=1,
)
ml_client.online_endpoints.begin_create_or_update(endpoint).result()
ml_client.online_deployments.begin_create_or_update(blue_deployment).result()
endpoint.traffic = {"blue": 100}
ml_client.online_endpoints.begin_create_or_update(endpoint).result()
answer = ml_client.online_endpoints.invoke(
    endpoint_name=endpoint_name, deployment_name="blue", request_file="request.json"
)
assert json.loads(answer) == [21], answer
endpoint = ml_client.online_endpoints.get(name=endpoint_name)
assert (endpoint.traffic, endpoint.tags) == ({"blue": 100}, {"foo": "bar"})
logs = ml_client.online_deployments.get_logs(name="blue", endpoint_name=endpoint_name, lines=50)
assert "the model is loaded" in logs, logs
keys = ml_client.online_endpoints.get_keys(name=endpoint_name)
assert keys.primary_key != keys.secondary_key
ml_client.online_endpoints.begin_delete(name=endpoint_name).result()
