"""Deployments of a user's own: a scoring script, an MLflow model of another flavour, each in a process."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.local.azureml.flow import deployment_body, endpoint_body, provisioned
from tests.local.azureml.rig import WS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

SCRIPT = """
import json, os
from pathlib import Path
import helper

def init():
    global factor
    factor = int(Path(os.environ["AZUREML_MODEL_DIR"], "factor.txt").read_text()) + int(os.environ["MORE"])
    print("init is done")

def run(text):
    print("asked")
    return [helper.times(factor, number) for number in json.loads(text)["data"]]
"""
HELPER = "def times(a, b):\n    return a * b\n"


@pytest.fixture
def endpoint(emulator: Emulator) -> Iterator[str]:
    name = f"s-{uuid.uuid4().hex[:8]}"
    assert emulator.arm("PUT", f"/onlineEndpoints/{name}", json=endpoint_body()).status_code == 201
    yield f"/onlineEndpoints/{name}"
    emulator.arm("DELETE", f"/onlineEndpoints/{name}")


def code(emulator: Emulator, storage: Storage, script: str) -> str:
    name = uuid.uuid4().hex
    for file, text in {"score.py": script, "helper.py": HELPER}.items():
        storage.put(f"code-{name}", f"src/{file}", text.encode())
    uri = f"{storage.service.url.rstrip('/')}/code-{name}/src"
    body = {"properties": {"codeUri": uri}}
    assert emulator.arm("PUT", f"/codes/{name}/versions/1", json=body).status_code == 201
    return f"{WS}/codes/{name}/versions/1"


def model(emulator: Emulator, storage: Storage, files: dict[str, bytes], kind: str) -> str:
    """Register files as a model: one file by its path, several by their folder."""
    name = f"m-{uuid.uuid4().hex[:8]}"
    for file, content in files.items():
        storage.put("azureml-blobstore", f"{name}/model/{file}", content)
    path = f"{name}/model/{next(iter(files))}" if len(files) == 1 else f"{name}/model"
    uri = f"azureml://datastores/workspaceblobstore/paths/{path}"
    body = {"properties": {"modelType": kind, "modelUri": uri}}
    assert emulator.arm("PUT", f"/models/{name}/versions/1", json=body).status_code == 201
    return name


def put(emulator: Emulator, endpoint: str, name: str, model: str, script: str | None, **more: Any) -> None:
    body = deployment_body(model)
    if script:
        body["properties"]["codeConfiguration"] = {"codeId": script, "scoringScript": "score.py"}
    body["properties"] |= more
    answer = emulator.arm("PUT", f"{endpoint}/deployments/{name}", json=body)
    assert answer.status_code in (200, 201), answer.text


def score(emulator: Emulator, endpoint: str, name: str, body: Any) -> Any:
    key = emulator.arm("POST", f"{endpoint}/listKeys").json()["primaryKey"]
    headers = {"Authorization": f"Bearer {key}", "azureml-model-deployment": name}
    uri = emulator.arm("GET", endpoint).json()["properties"]["scoringUri"]
    return emulator.client().post(uri, headers=headers, json=body)


def test_a_scoring_script_serves_its_model(emulator: Emulator, storage: Storage, endpoint: str) -> None:
    served = model(emulator, storage, {"factor.txt": b"3"}, "custom_model")
    script = code(emulator, storage, SCRIPT)
    put(emulator, endpoint, "blue", served, script, environmentVariables={"MORE": "4"})
    provisioned(emulator, f"{endpoint}/deployments/blue")
    assert score(emulator, endpoint, "blue", {"data": [1, 2]}).json() == [7, 14]
    failed = score(emulator, endpoint, "blue", {"wrong": 1})
    assert failed.status_code == 424
    assert failed.headers["ms-azureml-model-error-statuscode"] == "500"
    logs = emulator.arm("POST", f"{endpoint}/deployments/blue/getLogs", json={"tail": 50}).json()["content"]
    assert "init is done" in logs
    assert "KeyError: 'data'" in logs
    pid = emulator.admin("GET", "state")["servers"][f"{endpoint.rpartition('/')[2]}/blue"]
    emulator.arm("DELETE", f"{endpoint}/deployments/blue")
    until(lambda: not psutil.pid_exists(pid), 20, "the server's process is gone")


def test_a_script_that_can_not_start_fails_its_deployment(
    emulator: Emulator, storage: Storage, endpoint: str
) -> None:
    served = model(emulator, storage, {"factor.txt": b"3"}, "custom_model")
    script = code(emulator, storage, "import a_package_nobody_has\n")
    put(emulator, endpoint, "bad", served, script)

    def failed() -> bool:
        shown = emulator.arm("GET", f"{endpoint}/deployments/bad").json()
        return bool(shown["properties"]["provisioningState"] == "Failed")

    until(failed, 60, "the deployment has failed")
    logs = emulator.arm("POST", f"{endpoint}/deployments/bad/getLogs", json={}).json()["content"]
    assert "No module named 'a_package_nobody_has'" in logs


def test_a_model_without_server_or_script_is_refused(
    emulator: Emulator, storage: Storage, endpoint: str
) -> None:
    served = model(emulator, storage, {"factor.txt": b"3"}, "custom_model")
    answer = emulator.arm("PUT", f"{endpoint}/deployments/none", json=deployment_body(served))
    assert answer.status_code == 501
    assert "without a scoring script" in answer.text


# mlflow and its friends warn of their own inner matters
@pytest.mark.filterwarnings("ignore")
def test_an_mlflow_model_of_another_flavour_is_served_without_code(
    emulator: Emulator, storage: Storage, endpoint: str, tmp_path: Path
) -> None:
    import mlflow.sklearn
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 1.0]})
    fitted = LinearRegression().fit(frame, [1.0, 2.0, 3.0])
    signature = mlflow.models.infer_signature(frame, fitted.predict(frame))
    folder = tmp_path / "model"
    mlflow.sklearn.save_model(fitted, folder, signature=signature, pip_requirements=[])
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    served = model(emulator, storage, files, "mlflow_model")
    put(emulator, endpoint, "blue", served, None)
    provisioned(emulator, f"{endpoint}/deployments/blue", seconds=120)
    asked = {"input_data": {"columns": ["a", "b"], "index": [0], "data": [[4.0, 0.0]]}}
    answer = score(emulator, endpoint, "blue", asked)
    assert answer.json() == pytest.approx([5.0])
    wrong = score(emulator, endpoint, "blue", {"data": 1})
    assert json.loads(wrong.text)["message"].startswith("expected a JSON object with the key 'input_data'")
