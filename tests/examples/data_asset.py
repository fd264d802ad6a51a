"""A data asset: made once, found again, read by a job.

Written after Azure/azureml-examples, sdk/python/assets/data/data.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

from pathlib import Path

from azure.ai.ml import Input, command
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Data
from common import ENVIRONMENT, HERE, points, unique, workspace

ml_client = workspace()
name = unique("points")
try:
    ml_client.data.get(name=name, version="1")
    raise AssertionError("it is not there yet")
except Exception as error:
    assert "does not exist" in str(error), error
my_data = Data(
    path=str(points(Path("data"))),
    type=AssetTypes.URI_FILE,
    description="Points of a line",
    name=name,
    version="1",
)
ml_client.data.create_or_update(my_data)
registered = ml_client.data.get(name=name, version="1")
job = command(
    code=str(HERE / "src"),
    command="python summarize.py --data ${{inputs.data}}",
    inputs={"data": Input(type=AssetTypes.URI_FILE, path=registered.id)},
    environment=ENVIRONMENT,
    compute="cpu-cluster",
)
returned_job = ml_client.create_or_update(job)
ml_client.jobs.stream(returned_job.name)
assert ml_client.jobs.get(returned_job.name).status == "Completed"
ml_client.data.create_or_update(Data(path=registered.path, type=AssetTypes.URI_FILE, name=name))
assert ml_client.data.get(name=name, label="latest").version == "2"
assert [data.version for data in ml_client.data.list(name=name)] == ["2", "1"]
ml_client.data.archive(name=name)
assert name not in [data.name for data in ml_client.data.list()]
ml_client.data.restore(name=name)
