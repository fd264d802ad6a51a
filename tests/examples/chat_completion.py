"""The chat-completion fine-tune, from the registry's model to an answer, and away again.

Written after Azure/azureml-examples, sdk/python/foundation-models/system/finetune/chat-completion/chat-completion.ipynb,
commit 085cd6ea399038c1e07843acff811f34261c0887: the calls are that example's, the code is our own.
"""

from __future__ import annotations

import ast
import json
import time
from pathlib import Path

from azure.ai.ml import Input, MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.dsl import pipeline
from azure.ai.ml.entities import (
    AmlCompute,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineRequestSettings,
    ProbeSettings,
)
from azure.identity import DefaultAzureCredential
from common import unique, workspace

credential = DefaultAzureCredential()
credential.get_token("https://management.azure.com/.default")
workspace_ml_client = workspace()
registry_ml_client = MLClient(credential, registry_name="azureml")
timestamp = str(int(time.time()))

model_name = "Phi-3-mini-4k-instruct"
foundation_model = registry_ml_client.models.get(model_name, label="latest")
compute_cluster = unique("gpu")
try:
    compute = workspace_ml_client.compute.get(compute_cluster)
    raise AssertionError("it is not there yet")
except Exception as error:
    assert "does not exist" in str(error), error
    compute = AmlCompute(
        name=compute_cluster, size="Standard_NC24ads_A100_v4", tier="Dedicated", max_instances=2
    )
    workspace_ml_client.compute.begin_create_or_update(compute).wait()
compute = workspace_ml_client.compute.get(compute_cluster)
assert compute.provisioning_state.lower() == "succeeded"
if "finetune_compute_allow_list" in foundation_model.tags:
    allowed = ast.literal_eval(foundation_model.tags["finetune_compute_allow_list"])
    assert compute.size.lower() in [size.lower() for size in allowed]
sizes = {sku.name.lower(): sku.gpus for sku in workspace_ml_client.compute.list_sizes()}
gpus_per_node = sizes[compute.size.lower()]

chats = [
    {
        "messages": [
            {"role": "user", "content": f"What is {number} and one?"},
            {"role": "assistant", "content": f"It is {number + 1}."},
        ]
    }
    for number in range(16)
]
for part in ("train_sft", "test_sft"):
    Path(f"{part}.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats))

finetune_parameters = {
    "num_train_epochs": 3,
    "per_device_train_batch_size": 1,
    "per_device_eval_batch_size": 1,
    "learning_rate": 5e-6,
    "lr_scheduler_type": "cosine",
    "apply_lora": "true",
    "apply_deepspeed": "true",
    "deepspeed_stage": 2,
}
if "model_specific_defaults" in foundation_model.tags:
    finetune_parameters.update(ast.literal_eval(foundation_model.tags["model_specific_defaults"]))
finetune_parameters["num_train_epochs"] = 1
pipeline_component_func = registry_ml_client.components.get(name="chat_completion_pipeline", label="latest")


@pipeline(name=f"{model_name}-chats")
def create_pipeline():
    chat_completion_pipeline = pipeline_component_func(
        mlflow_model_path=foundation_model.id,
        compute_model_import=compute_cluster,
        compute_preprocess=compute_cluster,
        compute_finetune=compute_cluster,
        compute_model_evaluation=compute_cluster,
        train_file_path=Input(type="uri_file", path="./train_sft.jsonl"),
        test_file_path=Input(type="uri_file", path="./test_sft.jsonl"),
        number_of_gpu_to_use_finetuning=gpus_per_node,
        **finetune_parameters,
    )
    return {"trained_model": chat_completion_pipeline.outputs.mlflow_model_folder}


pipeline_object = create_pipeline()
pipeline_object.settings.force_rerun = True
pipeline_object.settings.continue_on_step_failure = False
pipeline_job = workspace_ml_client.jobs.create_or_update(
    pipeline_object, experiment_name=f"chat_completion_{model_name}"
)
workspace_ml_client.jobs.stream(pipeline_job.name)
print("pipeline job outputs: ", workspace_ml_client.jobs.get(pipeline_job.name).outputs)
registered_model = workspace_ml_client.models.create_or_update(
    Model(
        path=f"azureml://jobs/{pipeline_job.name}/outputs/trained_model",
        type=AssetTypes.MLFLOW_MODEL,
        name=f"{model_name}-chats",
        version=timestamp,
        description=f"{model_name} fine tuned for chat-completion",
    )
)
online_endpoint_name = f"chats-{timestamp}"
endpoint = ManagedOnlineEndpoint(name=online_endpoint_name, description="a chat", auth_mode="key")
workspace_ml_client.begin_create_or_update(endpoint).wait()
demo_deployment = ManagedOnlineDeployment(
    name="demo",
    endpoint_name=online_endpoint_name,
    model=registered_model.id,
    instance_type="Standard_NC24ads_A100_v4",
    instance_count=1,
    liveness_probe=ProbeSettings(initial_delay=600),
    request_settings=OnlineRequestSettings(request_timeout_ms=90000),
)
workspace_ml_client.online_deployments.begin_create_or_update(demo_deployment).wait()
endpoint.traffic = {"demo": 100}
workspace_ml_client.begin_create_or_update(endpoint).result()
parameters = {"temperature": 0.6, "top_p": 0.9, "do_sample": True, "max_new_tokens": 20}
test_json = {
    "input_data": {"input_string": [chats[0]["messages"]], "parameters": parameters},
    "params": {},
}
Path("sample_score.json").write_text(json.dumps(test_json))
response = workspace_ml_client.online_endpoints.invoke(
    endpoint_name=online_endpoint_name, deployment_name="demo", request_file="sample_score.json"
)
assert "output" in json.loads(response), response
workspace_ml_client.online_endpoints.begin_delete(name=online_endpoint_name).wait()
assert online_endpoint_name not in [one.name for one in workspace_ml_client.online_endpoints.list()]
