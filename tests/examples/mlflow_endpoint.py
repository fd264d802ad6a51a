"""An MLflow model behind a managed endpoint, without any code.

Written after Azure/azureml-examples, sdk/python/endpoints/online/mlflow/online-endpoints-deploy-mlflow-model.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import mlflow.sklearn
import pandas as pd
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint, Model
from common import workspace
from sklearn.linear_model import LinearRegression

ml_client = workspace()
frame = pd.DataFrame({"x": [0.0, 1.0, 2.0], "z": [1.0, 0.0, 1.0]})
fitted = LinearRegression().fit(frame, [1.0, 3.0, 5.0])
signature = mlflow.models.infer_signature(frame, fitted.predict(frame))
mlflow.sklearn.save_model(fitted, "model", signature=signature, pip_requirements=[])

online_endpoint_name = "endpoint-" + datetime.datetime.now().strftime("%m%d%H%M%f")
endpoint = ManagedOnlineEndpoint(
    name=online_endpoint_name,
    description="an endpoint for an mlflow model",
    auth_mode="key",
    tags={"foo": "bar"},
)
ml_client.begin_create_or_update(endpoint).result()
model = Model(path="model", type=AssetTypes.MLFLOW_MODEL, description="my sample mlflow model")
blue_deployment = ManagedOnlineDeployment(
    name="blue",
    endpoint_name=online_endpoint_name,
    model=model,
    instance_type="Standard_F4s_v2",
    instance_count=1,
)
ml_client.online_deployments.begin_create_or_update(blue_deployment).result()
endpoint.traffic = {"blue": 100}
ml_client.begin_create_or_update(endpoint).result()
Path("request.json").write_text(
    json.dumps({"input_data": {"columns": ["x", "z"], "data": [[3.0, 0.0]], "index": [0]}})
)
answer = ml_client.online_endpoints.invoke(
    endpoint_name=online_endpoint_name, deployment_name="blue", request_file="request.json"
)
assert abs(json.loads(answer)[0] - 7) < 1e-6, answer
endpoint = ml_client.online_endpoints.get(name=online_endpoint_name)
assert endpoint.traffic == {"blue": 100}
print(endpoint.scoring_uri)
ml_client.online_endpoints.begin_delete(name=online_endpoint_name).result()
