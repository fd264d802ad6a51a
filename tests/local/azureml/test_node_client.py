"""Azure's own client for node: it lists, gets and deletes without stumbling over one answer."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.azurite_server import find_node
from local.devtools.shell import HOME
from tests.local.azureml.commands import command, pipeline, submit
from tests.local.azureml.commands import component as register_component
from tests.local.azureml.commands import node as pipeline_node
from tests.local.azureml.flow import deployment_body, endpoint_body, provisioned, register, wait_for
from tests.local.azureml.flow import submit as submit_finetune

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

CLIENT = Path(__file__).parent / "node" / "client.mjs"
CLIENTS = HOME / "clients"

pytestmark = pytest.mark.slow


@pytest.fixture
def node(emulator: Emulator) -> Callable[..., Any]:
    if not (CLIENTS / "node_modules").exists():
        pytest.fail("The node clients are not installed: python3 dev.py test --all")
    shutil.copy(CLIENT, CLIENTS / CLIENT.name)
    env = {
        **emulator.environment(),
        "NODE_EXTRA_CA_CERTS": str(emulator.tls.bundle),
        "ARM_URL": emulator.url,
        "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000001",
        "AZURE_RESOURCE_GROUP": "droptune-local",
        "AZUREML_WORKSPACE_NAME": "droptune-local",
    }

    def run(*deleted: str) -> Any:
        words = [find_node(), str(CLIENTS / CLIENT.name), *deleted]
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    return run


def test_everything_is_listed_got_and_deleted(
    emulator: Emulator, storage: Storage, node: Callable[..., Any]
) -> None:
    assert storage
    submit_finetune(emulator, "node-tuned")
    submit(emulator, "node-command", command("echo"))
    echo = register_component(emulator, "node-echo", "echo > ${{outputs.out}}/x", {}, "out")
    submit(emulator, "node-pipeline", pipeline({"one": pipeline_node(echo, {})}))
    for name in ("node-tuned", "node-command", "node-pipeline"):
        wait_for(emulator, name, "Completed")
    register(emulator, "node-tuned", "node-model")
    emulator.arm("PUT", "/onlineEndpoints/node-e", json=endpoint_body())
    emulator.arm("PUT", "/onlineEndpoints/node-e/deployments/blue", json=deployment_body("node-model"))
    provisioned(emulator, "/onlineEndpoints/node-e/deployments/blue")
    cluster = {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_DS3_v2"}}
    emulator.arm("PUT", "/computes/node-cpu", json={"location": "eastus2", "properties": cluster})
    seen = node()
    assert seen["jobs"]["node-command"] == {"type": "Command", "status": "Completed"}
    assert seen["jobs"]["node-pipeline"] == {"type": "Pipeline", "status": "Completed"}
    assert (seen["models"]["node-model"], seen["endpoints"]["node-e"]) == (["1"], ["blue"])
    assert len(seen["keys"]["node-e"]) > 20
    assert "node-echo" in seen["components"]
    assert min(seen["sizes"], seen["usages"]) > 20
    gone = ("endpoints/node-e", "models/node-model/1", "jobs/node-command", "computes/node-cpu")
    left = node("deployments/node-e/blue", *gone)
    assert "node-e" not in left["endpoints"]
    assert "node-model" not in left["models"]
    assert "node-command" not in left["jobs"]
    assert "node-cpu" not in left["computes"]


def test_a_job_that_runs_is_not_deleted(emulator: Emulator) -> None:
    submit(emulator, "node-busy", command("sleep 60"))
    answer = emulator.arm("DELETE", "/jobs/node-busy")
    assert (answer.status_code, "cancel it" in answer.text) == (409, True)
    emulator.arm("POST", "/jobs/node-busy/cancel")
    wait_for(emulator, "node-busy", "Canceled")
    assert emulator.arm("DELETE", "/jobs/node-busy").status_code == 202
    assert emulator.arm("GET", "/jobs/node-busy").status_code == 404
