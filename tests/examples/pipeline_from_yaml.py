"""A pipeline of three components from YAML.

Written after Azure/azureml-examples, sdk/python/jobs/pipelines/1a_pipeline_with_components_from_yaml/pipeline_with_components_from_yaml.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

import json
from pathlib import Path

from azure.ai.ml import Input, load_component
from azure.ai.ml.dsl import pipeline
from common import HERE, points, workspace

ml_client = workspace()
print(ml_client.compute.get("cpu-cluster"))
fit = load_component(source=str(HERE / "src" / "fit.yml"))
rate = load_component(source=str(HERE / "src" / "rate.yml"))


@pipeline()
def fit_and_rate(training_input, test_input, shrink=0.0):
    """Fit a line, then rate it on other points."""
    fitted = fit(data=training_input, shrink=shrink)
    rated = rate(model=fitted.outputs.model, data=test_input)
    rated.outputs.report.mode = "upload"
    return {"trained_model": fitted.outputs.model, "evaluation_report": rated.outputs.report}


points(Path("train"))
points(Path("test"), rows=5)
pipeline_job = fit_and_rate(
    training_input=Input(type="uri_folder", path="train/"),
    test_input=Input(type="uri_folder", path="test/"),
    shrink=0.0,
)
pipeline_job.settings.default_compute = "cpu-cluster"
pipeline_job = ml_client.jobs.create_or_update(pipeline_job, experiment_name="pipeline_samples")
ml_client.jobs.stream(pipeline_job.name)
names = {job.display_name for job in ml_client.jobs.list(parent_job_name=pipeline_job.name)}
assert names == {"fitted", "rated"}, names
ml_client.jobs.download(name=pipeline_job.name, download_path="down", output_name="evaluation_report")
report = json.loads(Path("down/named-outputs/evaluation_report/report.json").read_text())
assert report["mse"] < 1e-9, report
