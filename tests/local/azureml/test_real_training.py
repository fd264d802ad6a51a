"""The real trainer behind the emulator: a job really learns, a deployment really answers."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.azureml.flow import (
    PARTS,
    deployment_body,
    details,
    endpoint_body,
    provisioned,
    register,
    submit,
    wait_for,
)
from tests.local.azureml.rig import ROOT, WS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

MAKE = "import sys, pathlib; from local.trainer import tiny; tiny.make(pathlib.Path(sys.argv[1]))"
FULL = {"learning_rate": "0.003", "num_train_epochs": "2", "apply_lora": "false", "logging_steps": "1"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, cwd=ROOT)
    return folder


def chats(count: int) -> bytes:
    lines = []
    for number in range(count):
        question = {"role": "user", "content": f"Question {number}: are you open?"}
        answer = {"role": "assistant", "content": "We are open from nine to five."}
        lines.append(json.dumps({"messages": [question, answer]}))
    return ("\n".join(lines) + "\n").encode()


def test_a_job_learns_and_its_model_answers(
    make_emulator: Callable[..., Emulator], storage: Storage, tiny: Path
) -> None:
    emulator = make_emulator("--models", str(tiny.parent), trainer="")
    for part in PARTS:
        storage.put("prepared", f"real/{part}.jsonl", chats(24 if part == "train" else 4))
    files = {part: f"azureml://datastores/droptune_prepared/paths/real/{part}.jsonl" for part in PARTS}
    submit(emulator, "learns", FULL, files=files)
    wait_for(emulator, "learns", "Completed", seconds=240)
    first, last = losses(emulator, "learns")
    assert last < first / 2
    properties = emulator.arm("GET", "/jobs/learns").json()["properties"]["properties"]
    assert int(properties["__azureml_ft_training_tokens"]) > 0
    register(emulator, "learns", "learned")
    place = "/onlineEndpoints/real"
    emulator.arm("PUT", place, json=endpoint_body())
    emulator.arm("PUT", f"{place}/deployments/blue", json=deployment_body("learned"))
    provisioned(emulator, f"{place}/deployments/blue", seconds=120)
    emulator.arm("PUT", place, json=endpoint_body({"blue": 100}))
    assert isinstance(ask(emulator, place)["output"], str)
    untrained(emulator, storage, tiny)
    assert emulator.stop() == 0
    assert "Traceback" not in emulator.log()


def losses(emulator: Emulator, job: str) -> tuple[float, float]:
    call = f"/mlflow/v2.0{WS}/api/2.0/mlflow/metrics/get-history?run_id={job}&metric_key=loss"
    points = emulator.http("GET", call).json()["metrics"]
    assert len(points) > 4, emulator.http("GET", details(job)).text
    return points[0]["value"], points[-1]["value"]


def ask(emulator: Emulator, place: str) -> Any:
    keys = emulator.arm("POST", f"{place}/listKeys").json()
    parameters = {"temperature": 0.6, "top_p": 0.9, "do_sample": True, "max_new_tokens": 20}
    messages = [{"role": "user", "content": "Are you open?"}]
    answer = emulator.client().post(
        emulator.arm("GET", place).json()["properties"]["scoringUri"],
        headers={"Authorization": f"Bearer {keys['primaryKey']}"},
        json={"input_data": {"input_string": messages, "parameters": parameters}, "params": {}},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def untrained(emulator: Emulator, storage: Storage, tiny: Path) -> None:
    """Deploy the base model under a hand-made MLmodel file: the server must refuse it."""
    for file in tiny.iterdir():
        storage.put("azureml-blobstore", f"base/model/{file.name}", file.read_bytes())
    storage.put("azureml-blobstore", "base/MLmodel", b"flavors: {}\n")
    uri = "azureml://datastores/workspaceblobstore/paths/base/"
    body = {"properties": {"modelType": "mlflow_model", "modelUri": uri}}
    assert emulator.arm("PUT", "/models/base/versions/1", json=body).status_code == 201
    resource = "/onlineEndpoints/real/deployments/green"
    emulator.arm("PUT", resource, json=deployment_body("base"))
    provisioned(emulator, resource, "Failed", seconds=120)
