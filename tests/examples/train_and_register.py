"""A training job that logs with MLflow and registers its model, which is then deployed.

Written after Azure/azureml-examples, tutorials/get-started-notebooks/quickstart.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from azure.ai.ml import Input, command
from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint
from common import ENVIRONMENT, points, unique, workspace

ml_client = workspace()
ws = ml_client.workspaces.get(ml_client.workspace_name)
print(ws.location, ":", ws.resource_group)
train_src_dir = Path("src")
train_src_dir.mkdir()
(train_src_dir / "main.py").write_text("""
import argparse
import mlflow
import mlflow.sklearn
import pandas as pd
from sklearn.linear_model import Ridge

parser = argparse.ArgumentParser()
parser.add_argument("--data")
parser.add_argument("--alpha", type=float)
parser.add_argument("--registered_model_name")
args = parser.parse_args()
mlflow.start_run()
frame = pd.read_csv(args.data)
mlflow.log_metric("num_samples", frame.shape[0])
mlflow.log_param("alpha", args.alpha)
model = Ridge(alpha=args.alpha).fit(frame[["x"]], frame["y"])
mlflow.sklearn.log_model(
    sk_model=model,
    registered_model_name=args.registered_model_name,
    artifact_path=args.registered_model_name,
    pip_requirements=[],
)
mlflow.end_run()
""")
registered_model_name = unique("line")
job = command(
    inputs={
        "data": Input(type="uri_file", path=str(points(Path("data")))),
        "alpha": 0.0,
        "registered_model_name": registered_model_name,
    },
    code="./src/",
    command="python main.py --data ${{inputs.data}} --alpha ${{inputs.alpha}}"
    " --registered_model_name ${{inputs.registered_model_name}}",
    environment=ENVIRONMENT,
    display_name="line_fit",
)
returned_job = ml_client.create_or_update(job)
ml_client.jobs.stream(returned_job.name)
online_endpoint_name = "line-endpoint-" + str(uuid.uuid4())[:8]
endpoint = ml_client.online_endpoints.begin_create_or_update(
    ManagedOnlineEndpoint(name=online_endpoint_name, auth_mode="key")
).result()
latest_model_version = max(int(m.version) for m in ml_client.models.list(name=registered_model_name))
model = ml_client.models.get(name=registered_model_name, version=latest_model_version)
ml_client.online_deployments.begin_create_or_update(
    ManagedOnlineDeployment(
        name="blue",
        endpoint_name=online_endpoint_name,
        model=model,
        instance_type="Standard_DS3_v2",
        instance_count=1,
    )
).result()
Path("request.json").write_text(
    json.dumps({"input_data": {"columns": ["x"], "index": [0], "data": [[10.0]]}})
)
answer = ml_client.online_endpoints.invoke(
    endpoint_name=online_endpoint_name, request_file="request.json", deployment_name="blue"
)
assert abs(json.loads(answer)[0] - 21) < 1e-6, answer
ml_client.online_endpoints.begin_delete(name=online_endpoint_name).result()
