"""Pipelines of commands over plain HTTP: order, wires, levels, failures."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.azureml.commands import (
    ENVIRONMENT,
    component,
    log_of,
    node,
    pipeline,
    read,
    register,
    submit,
)
from tests.local.azureml.flow import COMPONENT, MODEL, details, rows, wait_for
from tests.local.azureml.rig import WS

if TYPE_CHECKING:
    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Emulator

WRITE = "echo ${{inputs.text}} > ${{outputs.out}}/text"
APPEND = "cat ${{inputs.before}}/text > ${{outputs.out}}/text; echo ${{inputs.text}} >> ${{outputs.out}}/text"


@pytest.fixture
def name() -> str:
    return f"pipe-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def write(emulator: Emulator) -> str:
    return component(emulator, "write", WRITE, {"text": {"type": "string", "default": "nothing"}}, "out")


@pytest.fixture(scope="module")
def append(emulator: Emulator) -> str:
    inputs = {"before": {"type": "uri_folder"}, "text": {"type": "string"}}
    return component(emulator, "append", APPEND, inputs, "out")


def wire(node: str, output: str = "out") -> str:
    return f"${{{{parent.jobs.{node}.outputs.{output}}}}}"


def children(emulator: Emulator, name: str) -> dict[str, Any]:
    answer = emulator.http("GET", f"/history/v1.0{WS}/runs/{name}/children?api-version=v1.0")
    return {one["displayName"]: one for one in answer.json()["value"]}


def test_nodes_run_in_the_order_of_their_wires(
    emulator: Emulator, storage: Storage, name: str, write: str, append: str
) -> None:
    nodes = {
        "last": node(append, {"before": wire("middle"), "text": "c"}, {"out": "result"}),
        "middle": node(append, {"before": wire("first"), "text": "${{parent.inputs.word}}"}),
        "first": node(write, {}),
    }
    inputs = {"word": {"value": "b", "jobInputType": "literal"}}
    submit(emulator, name, pipeline(nodes, "result", inputs=inputs))
    wait_for(emulator, name, "Completed")
    result = emulator.arm("GET", f"/jobs/{name}").json()["properties"]["outputs"]
    assert read(storage, result["result"]["uri"], "text") == "nothing\nb\nc\n"
    assert result.keys() == {"result"}
    found = children(emulator, name)
    assert {one["status"] for one in found.values()} == {"Completed"}
    assert "middle: started" in log_of(emulator, name)
    assert "started" in log_of(emulator, found["middle"]["runId"])


def test_a_pipeline_component_is_a_level_of_its_own(
    emulator: Emulator, storage: Storage, name: str, write: str, append: str
) -> None:
    inner = {
        "one": node(write, {"text": "${{parent.inputs.start}}"}),
        "two": node(append, {"before": wire("one"), "text": "in"}, {"out": "made"}),
    }
    spec = {
        "name": "level",
        "type": "pipeline",
        "inputs": {"start": {"type": "string", "default": "usual"}},
        "outputs": {"made": {"type": "uri_folder"}},
        "jobs": inner,
    }
    level = register(emulator, "level", spec)
    nodes = {
        "a": {**node(level, {}), "type": "pipeline"},
        "b": {**node(level, {"start": "given"}, {"made": "second"}), "type": "pipeline"},
        "c": node(append, {"before": wire("a", "made"), "text": "out"}, {"out": "first"}),
    }
    submit(emulator, name, pipeline(nodes, "first", "second"))
    wait_for(emulator, name, "Completed")
    result = emulator.arm("GET", f"/jobs/{name}").json()["properties"]["outputs"]
    assert read(storage, result["first"]["uri"], "text") == "usual\nin\nout\n"
    assert read(storage, result["second"]["uri"], "text") == "given\nin\n"


def test_a_command_prepares_what_a_fine_tune_trains_on(
    emulator: Emulator, storage: Storage, name: str
) -> None:
    """A registry component beside a user's own: its train file is a node's output."""
    storage.put("azureml-blobstore", f"{name}/rows.jsonl", rows(30))
    spec = {
        "type": "command",
        "command": "head -n 14 ${{inputs.rows}} > ${{outputs.out}}",
        "environment": ENVIRONMENT,
        "inputs": {"rows": {"type": "uri_file"}},
        "outputs": {"out": {"type": "uri_file"}},
    }
    prepare = register(emulator, f"{name}-prep", spec)
    tune = {
        "type": "pipeline",
        "componentId": COMPONENT,
        "inputs": {
            "mlflow_model_path": {"uri": MODEL, "job_input_type": "mlflow_model"},
            "train_file_path": {"value": wire("prep"), "job_input_type": "literal"},
            "validation_file_path": {"value": wire("prep"), "job_input_type": "literal"},
            "test_file_path": {"value": wire("prep"), "job_input_type": "literal"},
        },
        "outputs": {"mlflow_model_folder": {"value": "${{parent.outputs.trained}}", "type": "literal"}},
    }
    place = f"azureml://datastores/workspaceblobstore/paths/{name}/rows.jsonl"
    data = {"uri": place, "jobInputType": "uri_file"}
    nodes = {"tune": tune, "prep": node(prepare, {"rows": "${{parent.inputs.rows}}"})}
    submit(emulator, name, pipeline(nodes, "trained", inputs={"rows": data}))
    wait_for(emulator, name, "Completed")
    uri = emulator.arm("GET", f"/jobs/{name}").json()["properties"]["outputs"]["trained"]["uri"]
    assert json.loads(read(storage, uri, "data/words.json"))["rows"] == 14


def test_a_node_that_fails_ends_the_pipeline(emulator: Emulator, name: str, write: str) -> None:
    broken = component(emulator, "broken", "exit 7", {"before": {"type": "uri_folder"}}, "out")
    nodes = {
        "good": node(write, {}),
        "bad": node(broken, {"before": wire("good")}),
        "never": node(broken, {"before": wire("bad")}),
    }
    submit(emulator, name, pipeline(nodes))
    wait_for(emulator, name, "Failed")
    states = {key: one["status"] for key, one in children(emulator, name).items()}
    assert states == {"good": "Completed", "bad": "Failed", "never": "Canceled"}
    assert "Failed nodes: /bad." in emulator.http("GET", details(name)).json()["error"]["error"]["message"]


def test_what_is_wrong_is_refused_at_submit(emulator: Emulator, name: str, write: str, append: str) -> None:
    def refused(status: int, message: str, nodes: dict[str, Any]) -> None:
        answer = emulator.arm("PUT", f"/jobs/{name}", json=pipeline(nodes))
        assert answer.status_code == status, answer.text
        assert message in answer.json()["error"]["message"]

    one, two = {"before": wire("two"), "text": "x"}, {"before": wire("one"), "text": "x"}
    refused(400, "in a circle", {"one": node(append, one), "two": node(append, two)})
    refused(400, "'none', which is not there", {"one": node(append, {"before": wire("none"), "text": "x"})})
    refused(400, "Required input 'before' is missing", {"one": node(append, {"text": "x"})})
    refused(400, "Unknown input 'z'", {"one": node(write, {"z": "1"})})
    refused(400, "bound to no output of the job", {"one": node(write, {}, {"out": "undeclared"})})
    refused(404, "component 'none:1'", {"one": node(f"{WS}/components/none/versions/1", {})})
    refused(501, "node of type sweep", {"one": {**node(write, {}), "type": "sweep"}})
    number = component(emulator, "number", "echo ${{inputs.n}}", {"n": {"type": "integer", "max": "5"}})
    refused(400, "must be at most 5", {"one": node(number, {"n": "6"})})
    refused(400, "must be of type integer", {"one": node(number, {"n": "six"})})


@pytest.mark.parametrize("bound", [True, False])
def test_a_fine_tunes_model_goes_on_to_a_command(
    emulator: Emulator,
    storage: Storage,
    name: str,
    bound: bool,  # noqa: FBT001 - whether it is the job's output too
) -> None:
    storage.put("azureml-blobstore", f"{name}/rows.jsonl", rows(12))
    look = component(
        emulator,
        f"{name}-look",
        "cp ${{inputs.model}}/MLmodel ${{outputs.out}}/",
        {"model": {"type": "mlflow_model"}},
        "out",
    )
    place = {
        "uri": f"azureml://datastores/workspaceblobstore/paths/{name}/rows.jsonl",
        "job_input_type": "uri_file",
    }
    tune = {
        "type": "pipeline",
        "componentId": COMPONENT,
        "inputs": {
            "mlflow_model_path": {"uri": MODEL, "job_input_type": "mlflow_model"},
            **{f"{part}_file_path": place for part in ("train", "validation", "test")},
        },
    }
    outputs = ["seen"]
    if bound:
        tune["outputs"] = {"mlflow_model_folder": {"value": "${{parent.outputs.model}}", "type": "literal"}}
        outputs.append("model")
    nodes = {
        "tune": tune,
        "look": node(look, {"model": wire("tune", "mlflow_model_folder")}, {"out": "seen"}),
    }
    submit(emulator, name, pipeline(nodes, *outputs))
    wait_for(emulator, name, "Completed")
    found = emulator.arm("GET", f"/jobs/{name}").json()["properties"]["outputs"]
    assert read(storage, found["seen"]["uri"], "MLmodel").startswith("flavors")
    assert set(found) == set(outputs)


def test_a_pipeline_may_go_on_after_a_failure(emulator: Emulator, name: str, write: str) -> None:
    broken = component(emulator, f"{name}-broken", "exit 7", {}, "out")
    behind = component(emulator, f"{name}-behind", "true", {"before": {"type": "uri_folder"}})
    nodes = {
        "bad": node(broken, {}),
        "behind": node(behind, {"before": wire("bad")}),
        "apart": node(write, {}),
    }
    submit(emulator, name, pipeline(nodes, settings={"continue_on_step_failure": True}))
    wait_for(emulator, name, "Failed")
    states = {key: one["status"] for key, one in children(emulator, name).items()}
    assert states == {"bad": "Failed", "behind": "Canceled", "apart": "Completed"}
