"""The SDK's entities for a job and a deployment, made out of our specs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.domain.draining import REQUEST_LIMIT
from shared.domain.recipe import SERVERLESS
from shared.domain.tags import SPEC

if TYPE_CHECKING:
    from azure.ai.ml.entities import CommandComponent, ManagedOnlineDeployment, PipelineJob
    from azure.ai.ml.entities._builders import Command

    from shared.ports import CompareStep, DeploymentSpec, JobSpec

INITIAL_DELAY_SECONDS = 600  # a model of several gigabytes is loaded before the first probe
MILLISECOND = timedelta(milliseconds=1)
NODE, COMPARE = "chat_completion_pipeline", "compare"
CODE = Path(__file__).with_name("step")
COMMAND = (
    "python compare.py --challenger ${{inputs.challenger}} --reference ${{inputs.reference}} "
    "--frozen ${{inputs.frozen}} $[[--general ${{inputs.general}}]]"
)


def pipeline_job(spec: JobSpec, datastore: str, environment: str) -> PipelineJob:
    """Build the job in the SDK's entity form: its decorator is not safe to use in threads."""
    from azure.ai.ml import Input, Output
    from azure.ai.ml.entities import PipelineJob, PipelineJobSettings
    from azure.ai.ml.entities._builders.pipeline import Pipeline

    inputs: dict[str, Any] = dict(spec.inputs)
    inputs["mlflow_model_path"] = Input(type="mlflow_model", path=spec.model_id)
    for name, path in spec.files.items():
        inputs[name] = Input(type="uri_file", path=f"azureml://datastores/{datastore}/paths/{path}")
    node = Pipeline(
        name=NODE,
        component=spec.component,
        inputs=inputs,
        # The binding is a text: handing over the node's output object would send none, and say nothing.
        outputs={"mlflow_model_folder": "${{parent.outputs.trained_model}}"},
    )
    return PipelineJob(
        name=spec.name,
        display_name=spec.display_name,
        experiment_name=spec.experiment,
        tags={**spec.tags, SPEC: spec.digest()},
        # Set, so that the git state of whatever folder this runs in does not get into the job.
        properties={"mlflow.source.git.commit": ""},
        jobs={NODE: node} | _compare(spec.compare, datastore, environment),
        outputs={"trained_model": Output(type="mlflow_model", mode="rw_mount")},
        settings=PipelineJobSettings(force_rerun=True, continue_on_step_failure=False),
    )


def _compare(step: CompareStep | None, datastore: str, environment: str) -> dict[str, Command]:
    """Build the step that compares, behind the fine-tune's own node; its code goes with it."""
    if step is None:
        return {}
    from azure.ai.ml import Input
    from azure.ai.ml.entities import JobResourceConfiguration
    from azure.ai.ml.entities._builders import Command

    files = {"frozen": step.frozen} | ({"general": step.general} if step.general else {})
    inputs: dict[str, Any] = {
        name: Input(type="uri_file", path=f"azureml://datastores/{datastore}/paths/{path}")
        for name, path in files.items()
    }
    inputs["challenger"] = f"${{{{parent.jobs.{NODE}.outputs.mlflow_model_folder}}}}"
    inputs["reference"] = Input(type="mlflow_model", path=step.reference)
    # Without a compute a step is serverless; its name the SDK would make the id of a cluster.
    alone = step.compute == SERVERLESS
    node = Command(
        component=_component(environment),
        inputs=inputs,
        compute=None if alone else step.compute,
        name=COMPARE,
    )
    if alone:
        node.resources = JobResourceConfiguration(instance_type=step.instance_type)
    return {COMPARE: node}


def _component(environment: str) -> CommandComponent:
    from azure.ai.ml import Input
    from azure.ai.ml.entities import CommandComponent

    return CommandComponent(
        name=COMPARE,
        inputs={
            "challenger": Input(type="mlflow_model"),
            "reference": Input(type="mlflow_model"),
            "frozen": Input(type="uri_file"),
            "general": Input(type="uri_file", optional=True),
        },
        command=COMMAND,
        code=str(CODE),
        environment=environment,
    )


def deployment(spec: DeploymentSpec) -> ManagedOnlineDeployment:
    """Build a deployment of a registered MLflow model, which needs neither code nor environment."""
    from azure.ai.ml.entities import ManagedOnlineDeployment, OnlineRequestSettings, ProbeSettings

    return ManagedOnlineDeployment(
        name=spec.name,
        endpoint_name=spec.endpoint,
        model=spec.model,
        instance_type=spec.instance_type,
        instance_count=spec.instance_count,
        tags=dict(spec.tags),
        liveness_probe=ProbeSettings(initial_delay=INITIAL_DELAY_SECONDS),
        request_settings=OnlineRequestSettings(request_timeout_ms=int(REQUEST_LIMIT / MILLISECOND)),
    )
