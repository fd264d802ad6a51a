"""Models registered from a file, a folder, a cloud path and a job, and downloaded.

Written after Azure/azureml-examples, sdk/python/assets/model/model.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

import json
from pathlib import Path

from azure.ai.ml import Input, Output, command
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Model
from common import ENVIRONMENT, HERE, points, unique, workspace

ml_client = workspace()
Path("model").mkdir()
Path("model/model.json").write_text(json.dumps({"slope": 2.0, "intercept": 1.0}))
Path("model/MLmodel").write_text("flavors:\n  python_function:\n    loader_module: none\n")
file_model = Model(
    path="model/model.json", type=AssetTypes.CUSTOM_MODEL, name=unique("file"), description="d"
)
file_model = ml_client.models.create_or_update(file_model)
mlflow_model = Model(path="model", type=AssetTypes.MLFLOW_MODEL, name=unique("folder"))
mlflow_model = ml_client.create_or_update(mlflow_model)
cloud_model = Model(path=file_model.path, name=unique("cloud"), type=AssetTypes.CUSTOM_MODEL)
assert ml_client.models.create_or_update(cloud_model).path == file_model.path

points(Path("data"))
job = command(
    code=str(HERE / "src"),
    command="python rate.py --model ${{inputs.model}} --data ${{inputs.data}} --report ${{outputs.report}}"
    " && cp ${{inputs.model}}/model.json ${{outputs.custom}}/",
    inputs={
        "model": Input(type=AssetTypes.MLFLOW_MODEL, path=mlflow_model.id),
        "data": Input(type=AssetTypes.URI_FOLDER, path="./data"),
    },
    outputs={
        "report": Output(type=AssetTypes.URI_FOLDER),
        "custom": Output(type=AssetTypes.CUSTOM_MODEL),
    },
    environment=ENVIRONMENT,
    compute="cpu-cluster",
)
returned_job = ml_client.jobs.create_or_update(job)
ml_client.jobs.stream(returned_job.name)
run_model = Model(
    path=f"azureml://jobs/{returned_job.name}/outputs/custom",
    name=unique("run"),
    description="Model created from run.",
    type=AssetTypes.CUSTOM_MODEL,
)
run_model = ml_client.models.create_or_update(run_model)
assert run_model.job_name == returned_job.name
ml_client.models.download(name=run_model.name, version=run_model.version, download_path="down")
assert [path.name for path in Path("down").rglob("*.json")] == ["model.json"]
