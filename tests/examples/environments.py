"""Environments from an image, from a Docker context, from an image and a conda file.

Written after Azure/azureml-examples, sdk/python/assets/environment/environment.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

from pathlib import Path

from azure.ai.ml import command
from azure.ai.ml.entities import BuildContext, Environment
from common import unique, workspace

ml_client = workspace()
Path("context").mkdir()
Path("context/Dockerfile").write_text("FROM python:3.11\n")
Path("conda.yml").write_text("name: pydata\ndependencies:\n  - python=3.11\n  - pandas\n")
made = ml_client.environments.create_or_update(
    Environment(image="pytorch/pytorch:latest", name=unique("image"), description="from a Docker image")
)
assert made.version == "1"
context = ml_client.environments.create_or_update(
    Environment(build=BuildContext(path="context"), name=unique("context"))
)
assert context.build.path
conda = ml_client.environments.create_or_update(
    Environment(
        image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04",
        conda_file="conda.yml",
        name=unique("conda"),
        description="Environment created from a Docker image plus Conda environment.",
    )
)
job = ml_client.jobs.create_or_update(
    command(command="echo it runs", environment=f"{conda.name}:{conda.version}", compute="cpu-cluster")
)
ml_client.jobs.stream(job.name)
assert ml_client.environments.get(conda.name, label="latest").conda_file["name"] == "pydata"
ml_client.environments.archive(made.name)
assert made.name not in [one.name for one in ml_client.environments.list()]
