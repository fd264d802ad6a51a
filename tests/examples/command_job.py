"""A command job with a local file and an output, then its logs and outputs downloaded.

Written after Azure/azureml-examples, sdk/python/assets/data/data.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

import os
from pathlib import Path

from azure.ai.ml import Input, Output, command
from azure.ai.ml.constants import AssetTypes
from common import ENVIRONMENT, HERE, points, workspace

ml_client = workspace()
place = (
    f"azureml://subscriptions/{os.environ['AZURE_SUBSCRIPTION_ID']}"
    f"/resourcegroups/{os.environ['AZURE_RESOURCE_GROUP']}/workspaces/{os.environ['AZUREML_WORKSPACE_NAME']}"
    "/datastores/workspaceblobstore/paths/summaries/"
)
job = command(
    code=str(HERE / "src"),
    command="python summarize.py --data ${{inputs.data}} --out ${{outputs.out}}",
    inputs={"data": Input(type=AssetTypes.URI_FILE, path=str(points(Path("data"))))},
    outputs={"out": Output(type=AssetTypes.URI_FOLDER, path=place)},
    environment=ENVIRONMENT,
    compute="cpu-cluster",
    display_name="summarize",
)
returned_job = ml_client.jobs.create_or_update(job)
print(returned_job.studio_url)
ml_client.jobs.stream(returned_job.name)
ml_client.jobs.download(name=returned_job.name, download_path="down", all=True)
assert Path("down/named-outputs/out/summary.txt").read_text() == "20\n"
assert Path("down/artifacts/outputs/head.txt").read_text() == "x,y"
assert "rows: 20" in Path("down/artifacts/user_logs/std_log.txt").read_text()
ml_client.jobs.archive(returned_job.name)
assert returned_job.name not in [job.name for job in ml_client.jobs.list()]
