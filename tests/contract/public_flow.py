"""The public flow that Droptune grew from, told in our own words through the unmodified SDK.

Azure/azureml-examples at 085cd6ea399038c1e07843acff811f34261c0887 (2026-07-31),
sdk/python/foundation-models/system/finetune/chat-completion/chat-completion.ipynb, last changed by
334bb09dcb649681a84737a28978b012568233d8 (2025-10-30). Its sections: 1-3 clients, model, compute; 5 the job;
6 the model; 7 endpoint and deployment; 8 a question. Where it tells its reader to fill something in
(workspace, cluster, size, instance type), the bundled recipe's values are taken.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "Phi-3-mini-4k-instruct"
COMPONENT = "chat_completion_pipeline"
STEPS = ("model_import", "preprocess", "finetune", "model_evaluation")


@dataclass(frozen=True)
class Reader:
    """What the reader fills in, and a moment that makes names unique."""

    workspace: Any
    registry: Any
    folder: Path
    cluster: str
    size: str
    timestamp: str


def run(reader: Reader) -> str:
    """Go through all of it and give the model's answer."""
    base = reader.registry.models.get(MODEL, label="latest")
    gpus = _compute(reader)
    job = _train(reader, base, gpus)
    return _serve(reader, _register(reader, job))


def _compute(reader: Reader) -> int:
    from azure.ai.ml.entities import AmlCompute  # noqa: TID251 - the public flow drives the SDK
    from azure.core.exceptions import ResourceNotFoundError

    computes = reader.workspace.compute
    try:
        found = computes.get(reader.cluster)
    except ResourceNotFoundError:
        wanted = AmlCompute(name=reader.cluster, size=reader.size, tier="Dedicated", max_instances=2)
        computes.begin_create_or_update(wanted).wait()
        found = computes.get(reader.cluster)
    sizes = {size.name.lower(): size.gpus for size in computes.list_sizes()}
    return int(sizes[found.size.lower()])


def _parameters(base: Any) -> dict[str, Any]:
    """Lay the model's own defaults over the notebook's."""
    parameters: dict[str, Any] = {
        "num_train_epochs": 3,
        "per_device_train_batch_size": 1,
        "per_device_eval_batch_size": 1,
        "learning_rate": 5e-6,
        "lr_scheduler_type": "cosine",
        "apply_lora": "true",
        "apply_deepspeed": "true",
        "deepspeed_stage": 2,
    }
    own: dict[str, Any] = ast.literal_eval(base.tags["model_specific_defaults"])
    return parameters | own


def _display_name(parameters: dict[str, Any], gpus: int) -> str:
    batch = int(parameters["per_device_train_batch_size"]) * int(parameters["gradient_accumulation_steps"])
    batch *= gpus * int(parameters.get("num_nodes_finetune", 1))
    stage = f"ds{parameters['deepspeed_stage']}" if parameters["apply_deepspeed"] == "true" else "nods"
    lora = "lora" if parameters["apply_lora"] == "true" else "nolora"
    limit, length = parameters.get("save_total_limit", -1), parameters.get("max_seq_length", -1)
    scheduler = parameters["lr_scheduler_type"]
    return f"{MODEL}-ultrachat-bs{batch}-{scheduler}-{stage}-{lora}-save_limit{limit}-seqlen{length}"


def _train(reader: Reader, base: Any, gpus: int) -> str:
    from azure.ai.ml import Input  # noqa: TID251
    from azure.ai.ml.dsl import pipeline  # noqa: TID251

    component = reader.registry.components.get(name=COMPONENT, label="latest")
    parameters = _parameters(base)

    @pipeline(name=_display_name(parameters, gpus))  # type: ignore[untyped-decorator]
    def create() -> dict[str, Any]:
        chat_completion_pipeline = component(
            mlflow_model_path=base.id,
            **{f"compute_{step}": reader.cluster for step in STEPS},
            train_file_path=Input(type="uri_file", path=str(reader.folder / "train_sft.jsonl")),
            test_file_path=Input(type="uri_file", path=str(reader.folder / "test_sft.jsonl")),
            number_of_gpu_to_use_finetuning=gpus,
            **parameters,
        )
        return {"trained_model": chat_completion_pipeline.outputs.mlflow_model_folder}

    made = create()
    made.settings.force_rerun = True
    made.settings.continue_on_step_failure = False
    submitted = reader.workspace.jobs.create_or_update(made, experiment_name=f"chat_completion_{MODEL}")
    reader.workspace.jobs.stream(submitted.name)
    return str(submitted.name)


def _register(reader: Reader, job: str) -> Any:
    from azure.ai.ml.entities import Model  # noqa: TID251

    return reader.workspace.models.create_or_update(
        Model(
            path=f"azureml://jobs/{job}/outputs/trained_model",
            type="mlflow_model",
            name=f"{MODEL}-ultrachat-200k",
            version=reader.timestamp,
            description=f"{MODEL} fine tuned model for ultrachat 200k chat-completion",
        )
    )


def _serve(reader: Reader, model: Any) -> str:
    from azure.ai.ml.entities import (  # noqa: TID251
        ManagedOnlineDeployment,
        ManagedOnlineEndpoint,
        OnlineRequestSettings,
        ProbeSettings,
    )

    name = f"ultrachat-completion-{reader.timestamp}"
    described = f"Online endpoint for {model.name}, fine tuned model for ultrachat-200k-chat-completion"
    endpoint = ManagedOnlineEndpoint(name=name, description=described, auth_mode="key")
    reader.workspace.begin_create_or_update(endpoint).wait()
    deployment = ManagedOnlineDeployment(
        name="demo",
        endpoint_name=name,
        model=model.id,
        instance_type=reader.size,
        instance_count=1,
        liveness_probe=ProbeSettings(initial_delay=600),
        request_settings=OnlineRequestSettings(request_timeout_ms=90000),
    )
    reader.workspace.online_deployments.begin_create_or_update(deployment).wait()
    endpoint.traffic = {"demo": 100}
    reader.workspace.begin_create_or_update(endpoint).result()
    answer = _ask(reader, name)
    reader.workspace.online_endpoints.begin_delete(name=name).wait()
    return answer


def _ask(reader: Reader, endpoint: str) -> str:
    chat = json.loads((reader.folder / "test_gen.jsonl").read_text().splitlines()[0])["messages"]
    parameters = {"temperature": 0.6, "top_p": 0.9, "do_sample": True, "max_new_tokens": 200}
    asked = {"input_data": {"input_string": [chat], "parameters": parameters}, "params": {}}
    path = reader.folder / "sample_score.json"
    path.write_text(json.dumps(asked))
    return str(
        reader.workspace.online_endpoints.invoke(
            endpoint_name=endpoint, deployment_name="demo", request_file=str(path)
        )
    )
