"""A pipeline inside a pipeline, anonymous and registered.

Written after Azure/azureml-examples, sdk/python/jobs/pipelines/1j_pipeline_with_pipeline_component/pipeline_with_train_eval_pipeline_component/pipeline_with_train_eval_pipeline_component.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""
# No `from __future__ import annotations`: @pipeline reads the types of its parameters.

import json
from pathlib import Path

from azure.ai.ml import Input, load_component
from azure.ai.ml.dsl import pipeline
from common import HERE, points, workspace

ml_client = workspace()
fit = load_component(source=str(HERE / "src" / "fit.yml"))
rate = load_component(source=str(HERE / "src" / "rate.yml"))
pick = load_component(source=str(HERE / "src" / "pick.yml"))


@pipeline()
def train_pipeline_component(data: Input, shrink: float, train_compute: str):
    """Fit and rate."""
    fitted = fit(data=data, shrink=shrink)
    fitted.compute = train_compute
    rated = rate(model=fitted.outputs.model, data=data)
    return {"trained_model": fitted.outputs.model, "evaluation_report": rated.outputs.report}


registered = ml_client.components.create_or_update(train_pipeline_component)


@pipeline
def compare(data, compute_train_node, shrink1=1000.0, shrink2=0.0):
    """Train twice, keep the better."""
    first = train_pipeline_component(data=data, shrink=shrink1, train_compute=compute_train_node)
    second = registered(data=data, shrink=shrink2, train_compute=compute_train_node)
    picked = pick(
        model1=first.outputs.trained_model,
        report1=first.outputs.evaluation_report,
        model2=second.outputs.trained_model,
        report2=second.outputs.evaluation_report,
    )
    return {"best_model": picked.outputs.best}


points(Path("data"))
pipeline_job = compare(data=Input(type="uri_folder", path="./data/"), compute_train_node="cpu-cluster")
pipeline_job.settings.default_compute = "cpu-cluster"
pipeline_job = ml_client.jobs.create_or_update(pipeline_job, experiment_name="pipeline_samples")
ml_client.jobs.stream(pipeline_job.name)
ml_client.jobs.download(name=pipeline_job.name, download_path="down", output_name="best_model")
model = json.loads(Path("down/named-outputs/best_model/model.json").read_text())
assert abs(model["slope"] - 2) < 1e-9, model
