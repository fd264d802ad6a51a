"""Requests that several tests make: a job's body, its data, waiting for it."""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from azure.storage.blob import BlobServiceClient  # noqa: TID251 - tests drive the emulator as users do

from tests.local.azureml.rig import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.core.credentials import TokenCredential

    from tests.local.azureml.rig import Emulator

MODEL = "azureml://registries/azureml/models/Phi-4/versions/8"
COMPONENT = "azureml://registries/azureml/components/chat_completion_pipeline/versions/0.0.82"
PARTS = ("train", "validation", "test")
SIZE = "Standard_NC24ads_A100_v4"


def rows(count: int) -> bytes:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    return b"".join(json.dumps({"messages": messages, "n": n}).encode() + b"\n" for n in range(count))


class Storage:
    """Azurite through Azure's own SDK, by identity."""

    def __init__(self, blob_url: str, bundle: str, credential: TokenCredential) -> None:
        self.service = BlobServiceClient(blob_url, credential=credential, connection_verify=bundle)

    def put(self, container: str, name: str, content: bytes) -> None:
        client = self.service.get_container_client(container)
        if not client.exists():
            client.create_container()
        client.upload_blob(name, content, overwrite=True)

    def names(self, container: str, prefix: str) -> list[str]:
        return [blob.name for blob in self.service.get_container_client(container).list_blobs(prefix)]


def path(name: str) -> str:
    return f"azureml://datastores/droptune_prepared/paths/{name}"


def job_body(inputs: dict[str, Any] | None = None, *, files: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the body of a submit; a file's value is its URI, another input's its text."""
    files = {part: path(f"chats/{part}.jsonl") for part in PARTS} if files is None else files
    given = {"mlflow_model_path": {"uri": MODEL, "job_input_type": "mlflow_model"}}
    given |= {f"{part}_file_path": {"uri": u, "job_input_type": "uri_file"} for part, u in files.items()}
    given |= {key: {"value": text, "job_input_type": "literal"} for key, text in (inputs or {}).items()}
    node = {
        "type": "pipeline",
        "componentId": COMPONENT,
        "inputs": given,
        "outputs": {"mlflow_model_folder": {"value": "${{parent.outputs.trained_model}}", "type": "literal"}},
    }
    return {
        "properties": {
            "jobType": "Pipeline",
            "experimentName": "exp",
            "displayName": "shown",
            "jobs": {"ft": node},
            "inputs": {},
            "outputs": {"trained_model": {"mode": "ReadWriteMount", "jobOutputType": "mlflow_model"}},
            "tags": {"a": "b"},
            "settings": {"force_rerun": True, "_source": "CLASS"},
        }
    }


def submit(emulator: Emulator, name: str, inputs: dict[str, Any] | None = None, **more: Any) -> None:
    answer = emulator.arm("PUT", f"/jobs/{name}", json=job_body(inputs, **more))
    assert answer.status_code == 201, answer.text


@contextmanager
def both_places_taken(emulator: Emulator, until_asked: str) -> Iterator[None]:
    """Keep jobs in the queue until a call has come whose label ends so: who looks at one sees it begin."""
    blockers = [f"blocks-{place}-{uuid.uuid4().hex[:8]}" for place in (1, 2)]
    for name in blockers:
        submit(emulator, name, {"seed": "3"})
    for name in blockers:
        wait_for(emulator, name, "Running")

    def asked() -> int:
        calls = emulator.admin("GET", "requests")["calls"]
        return sum(count for label, count in calls.items() if label.endswith(until_asked))

    def let_go(before: int) -> None:
        try:
            until(lambda: asked() > before, 60, f"a call to {until_asked}")
        finally:
            for name in blockers:
                emulator.arm("POST", f"/jobs/{name}/cancel")

    waits = threading.Thread(target=let_go, args=(asked(),))
    waits.start()
    try:
        yield
    finally:
        waits.join()


def status(emulator: Emulator, name: str) -> str:
    return str(emulator.arm("GET", f"/jobs/{name}").json()["properties"]["status"])


def wait_for(emulator: Emulator, name: str, *wanted: str, seconds: float = 60) -> str:
    """Wait until the job has one of the wanted states and return it."""

    def met() -> str | None:
        now = status(emulator, name)
        ended = now in ("Completed", "Failed", "Canceled")
        assert now in wanted or not ended, f"{now}: {emulator.http('GET', details(name)).text}"
        return now if now in wanted else None

    return str(until(met, seconds, f"job {name} is {' or '.join(wanted)}"))


def details(run: str) -> str:
    from tests.local.azureml.rig import WS

    return f"/history/v1.0{WS}/runs/{run}/details?api-version=v1.0"


def register(emulator: Emulator, job: str, name: str, version: str = "1") -> None:
    uri = f"azureml://jobs/{job}/outputs/trained_model"
    body = {"properties": {"modelType": "mlflow_model", "modelUri": uri, "tags": {}, "properties": {}}}
    answer = emulator.arm("PUT", f"/models/{name}/versions/{version}", json=body)
    assert answer.status_code == 201, answer.text


def deployment_body(model: str, version: str = "1", **more: Any) -> dict[str, Any]:
    from tests.local.azureml.rig import WS

    return {
        "location": "eastus2",
        "properties": {
            "model": f"{WS}/models/{model}/versions/{version}",
            "instanceType": SIZE,
            "endpointComputeType": "Managed",
            "requestSettings": {"requestTimeout": "PT1M30S"},
        },
        "sku": {"name": "Default", "capacity": 1},
        **more,
    }


def endpoint_body(traffic: dict[str, int] | None = None, mode: str = "Key") -> dict[str, Any]:
    properties = {"authMode": mode, "properties": {}, "traffic": traffic or {}}
    return {
        "location": "eastus2",
        "properties": properties,
        "identity": {"type": "SystemAssigned"},
        "tags": {},
    }


def provisioned(emulator: Emulator, resource: str, wanted: str = "Succeeded", seconds: float = 60) -> None:
    def met() -> bool:
        state = emulator.arm("GET", resource).json()["properties"]["provisioningState"]
        assert state in (wanted, "Creating", "Updating"), state
        return bool(state == wanted)

    until(met, seconds, f"{resource} is {wanted}")
