"""Bodies of command jobs and of pipelines of commands, and what they left in Blob Storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.local.azureml.flow import details
from tests.local.azureml.rig import WS

if TYPE_CHECKING:
    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

ENVIRONMENT = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"


def command(text: str, **more: Any) -> dict[str, Any]:
    """Return a command job's body; more are its other properties."""
    body = {"jobType": "Command", "command": text, "environmentId": ENVIRONMENT, "experimentName": "commands"}
    return {"properties": {**body, **more}}


def submit(emulator: Emulator, name: str, body: dict[str, Any]) -> None:
    answer = emulator.arm("PUT", f"/jobs/{name}", json=body)
    assert answer.status_code == 201, answer.text


def log_of(emulator: Emulator, run: str) -> str:
    """Read a run's log by the signed link that its details hold."""
    files = emulator.http("GET", details(run)).json()["logFiles"]
    return emulator.client().get(next(iter(files.values()))).text


def read(storage: Storage, uri: str, name: str = "") -> str:
    """Read a blob below an output's URI."""
    path = uri.partition("/paths/")[2] + name
    client = storage.service.get_blob_client("azureml-blobstore", path)
    return bytes(client.download_blob().readall()).decode()


def component(emulator: Emulator, name: str, text: str, inputs: dict[str, Any], *outputs: str) -> str:
    """Register a command component and return its id."""
    spec = {
        "name": name,
        "version": "1",
        "type": "command",
        "command": text,
        "environment": ENVIRONMENT,
        "inputs": inputs,
        "outputs": {output: {"type": "uri_folder"} for output in outputs},
    }
    return register(emulator, name, spec)


def register(emulator: Emulator, name: str, spec: dict[str, Any]) -> str:
    body = {"properties": {"componentSpec": spec}}
    answer = emulator.arm("PUT", f"/components/{name}/versions/1", json=body)
    assert answer.status_code in (200, 201), answer.text
    return f"{WS}/components/{name}/versions/1"


def node(identity: str, inputs: dict[str, str], outputs: dict[str, str] | None = None, **more: Any) -> Any:
    """Return a pipeline's node: its inputs as text, its outputs bound to the parent's of that name."""
    bound = {
        key: {"value": f"${{{{parent.outputs.{name}}}}}", "type": "literal"}
        for key, name in (outputs or {}).items()
    }
    given = {key: {"value": value, "job_input_type": "literal"} for key, value in inputs.items()}
    return {"type": "command", "componentId": identity, "inputs": given, "outputs": bound, **more}


def pipeline(nodes: dict[str, Any], *outputs: str, **more: Any) -> dict[str, Any]:
    declared = {name: {"jobOutputType": "uri_folder"} for name in outputs}
    body = {"jobType": "Pipeline", "experimentName": "pipelines", "jobs": nodes, "outputs": declared}
    return {"properties": {**body, **more}}
