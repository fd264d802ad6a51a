"""Where a fine-tune fails before it trains: its machine, settings at odds, inputs that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.azureml.finetune_rules import refusal
from tests.local.azureml.flow import PARTS, details, job_body, path, submit, wait_for
from tests.local.azureml.rig import WS

if TYPE_CHECKING:
    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

ONE_GPU = {"name": "Standard_NC24ads_A100_v4", "gpus": 1}
DEEP = {"apply_deepspeed": "true", "deepspeed_stage": "3"}


@pytest.mark.parametrize(
    ("values", "size", "says"),
    [
        ({}, ONE_GPU, None),
        ({}, None, None),
        ({}, {"name": "Standard_E4s_v3", "gpus": 0}, "does not meet minimum compute requirements"),
        (
            {"number_of_gpu_to_use_finetuning": "2"},
            ONE_GPU,
            "[2] is higher than gpus present in the node [1]",
        ),
        ({**DEEP, "apply_lora": "true"}, ONE_GPU, None),
        ({**DEEP, "apply_ort": "true"}, ONE_GPU, "stage3 doesn't work with {'apply_ort': True}"),
        ({**DEEP, "deepspeed_stage": "2", "apply_ort": "true"}, ONE_GPU, None),
        ({**DEEP, "auto_find_batch_size": "true"}, ONE_GPU, "cannot be coupled with auto_find_batch_size"),
        ({"auto_find_batch_size": "true", "apply_ort": "true"}, ONE_GPU, None),
    ],
)
def test_settings_and_machines_at_odds(values: dict[str, str], size: Any, says: str | None) -> None:
    found = refusal(values, size)
    assert found is None if says is None else says in str(found)


def failure(emulator: Emulator, job: str) -> tuple[str, str, str]:
    """Return the step that failed, its code and its message."""
    wait_for(emulator, job, "Failed")
    found = emulator.http("GET", f"/history/v1.0{WS}/runs/{job}/children").json()["value"]
    (child,) = [one for one in found if one["status"] == "Failed"]
    error = emulator.http("GET", details(child["runId"])).json()["error"]["error"]
    return child["displayName"], error["code"], error["message"]


def test_more_gpus_than_a_node_has_fail_the_fine_tune(emulator: Emulator, storage: Storage) -> None:
    assert storage
    machine = {"instance_type_finetune": "Standard_NC24ads_A100_v4", "number_of_gpu_to_use_finetuning": "4"}
    submit(emulator, "too-many-gpus", machine)
    step, code, message = failure(emulator, "too-many-gpus")
    assert (step, code) == ("chat_completion_finetune", "UserError")
    assert "[4] is higher than gpus present in the node [1]" in message


def test_a_fine_tune_needs_a_gpu(emulator: Emulator, storage: Storage) -> None:
    """The cluster's size counts, not the instance type, which is for serverless compute."""
    assert storage
    body = {"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_E4s_v3"}}}
    assert emulator.arm("PUT", "/computes/cpus", json=body).status_code == 201
    submit(emulator, "no-gpu", {"compute_finetune": "cpus"})
    assert failure(emulator, "no-gpu")[2].startswith("The selected compute does not meet minimum")


def test_missing_inputs_fail_where_they_are_needed(emulator: Emulator, storage: Storage) -> None:
    """The validation step validates nothing, on Azure too."""
    assert storage
    submit(emulator, "no-train", files={"test": path("chats/test.jsonl")})
    step, code, message = failure(emulator, "no-train")
    assert (step, code) == ("chat_completion_datapreprocess", "SystemError")
    assert message == "train_file_path or train_mltable_path need to be passed"
    body = job_body(files={part: path(f"chats/{part}.jsonl") for part in PARTS})
    del body["properties"]["jobs"]["ft"]["inputs"]["mlflow_model_path"]
    assert emulator.arm("PUT", "/jobs/no-model", json=body).status_code == 201
    assert failure(emulator, "no-model")[0] == "chat_completion_model_import"


def test_the_components_own_instance_types_are_retired(emulator: Emulator, storage: Storage) -> None:
    """So a serverless job that names none is refused, once retirement is on."""
    assert storage
    emulator.admin("PATCH", "region", json={"retirement": True})
    answer = emulator.arm("PUT", "/jobs/old-defaults", json=job_body())
    emulator.admin("DELETE", "region")
    assert (answer.status_code, "'Standard_nc24rs_v3' is not offered" in answer.text) == (400, True), (
        answer.text
    )
