"""What the adapters send through the SDK, seen at the emulator; and what they make of lost answers."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from shared.domain.errors import Missing, Rejected, Transient
from shared.domain.recipe import SERVERLESS
from shared.domain.tags import RUN, SPEC
from shared.ports import CompareStep, DeploymentSpec, JobSpec, ModelVersion
from tests.contract.rigs import COMPUTE, ENVIRONMENT, SIZE, EmulatorRig, emulator_rig, unique
from tests.local.azureml.rig import until

if TYPE_CHECKING:
    from collections.abc import Iterator

# The SDK itself and what it imports warn in many places: that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")

SUBMIT = "PUT {ws}/jobs/{name}"
MAKE_ENDPOINT = "PUT {ws}/onlineEndpoints/{endpoint}"
ALL_TRIES = 4


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorRig]:
    with (
        pytest.MonkeyPatch.context() as patch,
        emulator_rig(tmp_path_factory.mktemp("sent"), patch) as world,
    ):
        yield world


def spec(**inputs: Any) -> JobSpec:
    return JobSpec(
        name=unique("acme-20261124101500-0a1b2c3d-a"),
        display_name="Phi-4-acme-bs4",
        experiment="chat_completion_Phi-4",
        component="azureml://registries/azureml/components/chat_completion_pipeline/versions/0.0.82",
        model_id="azureml://registries/azureml/models/Phi-4/versions/8",
        inputs={"compute_finetune": COMPUTE, "learning_rate": 5e-6, "apply_lora": "true", **inputs},
        files={f"{part}_file_path": f"run/claim/{part}.jsonl" for part in ("train", "validation", "test")},
        tags={RUN: "run-1"},
    )


def fault(rig: EmulatorRig, route: str, **more: Any) -> None:
    rig.emulator.admin("POST", "faults", json={"route": route, "status": 503, "times": ALL_TRIES, **more})


def counted(rig: EmulatorRig, route: str) -> int:
    return calls(rig, route).get(route, 0)


def calls(rig: EmulatorRig, word: str) -> dict[str, int]:
    found: dict[str, int] = rig.emulator.admin("GET", "requests")["calls"]
    return {route: number for route, number in found.items() if word in route}


def test_a_job_s_body_has_all_that_the_spec_says(rig: EmulatorRig) -> None:
    asked = spec()
    rig.jobs.submit(asked)
    body = rig.emulator.arm("GET", f"/jobs/{asked.name}").json()["properties"]
    assert body["displayName"] == "Phi-4-acme-bs4"
    assert body["experimentName"] == "chat_completion_Phi-4"
    assert body["tags"] == {RUN: "run-1", SPEC: asked.digest()}
    assert body["settings"]["force_rerun"] is True
    assert body["settings"]["continue_on_step_failure"] is False
    assert [name for name in body["properties"] if "git" in name] == ["mlflow.source.git.commit"]
    assert body["properties"]["mlflow.source.git.commit"] == ""
    assert body["outputs"]["trained_model"]["jobOutputType"] == "mlflow_model"
    (node,) = body["jobs"].values()
    assert node["componentId"] == asked.component
    assert node["outputs"] == {
        "mlflow_model_folder": {"value": "${{parent.outputs.trained_model}}", "type": "literal"}
    }
    assert node["inputs"]["mlflow_model_path"] == {"uri": asked.model_id, "job_input_type": "mlflow_model"}
    assert node["inputs"]["train_file_path"] == {
        "uri": "azureml://datastores/droptune_prepared/paths/run/claim/train.jsonl",
        "job_input_type": "uri_file",
    }
    assert node["inputs"]["learning_rate"] == {"value": "5e-06", "job_input_type": "literal"}
    assert node["inputs"]["apply_lora"] == {"value": "true", "job_input_type": "literal"}


def test_the_comparing_step_stands_behind_the_fine_tune_with_its_code(rig: EmulatorRig) -> None:
    step = CompareStep(spec().model_id, "run/claim/validation.jsonl", "run/claim/test.jsonl", COMPUTE, SIZE)
    asked = replace(spec(seed=3), compare=step)
    assert asked.digest() != spec(seed=3).digest()
    rig.jobs.submit(asked)
    body = rig.emulator.arm("GET", f"/jobs/{asked.name}").json()["properties"]
    node = body["jobs"]["compare"]
    assert node["inputs"]["challenger"]["value"] == (
        "${{parent.jobs.chat_completion_pipeline.outputs.mlflow_model_folder}}"
    )
    assert node["inputs"]["reference"] == {"uri": asked.model_id, "job_input_type": "mlflow_model"}
    place = "azureml://datastores/droptune_prepared/paths/run/claim"
    assert node["inputs"]["frozen"]["uri"] == f"{place}/validation.jsonl"
    assert node["inputs"]["general"]["uri"] == f"{place}/test.jsonl"
    assert node["computeId"].endswith(COMPUTE)
    assert body["jobs"]["chat_completion_pipeline"]["outputs"]["mlflow_model_folder"] == {
        "value": "${{parent.outputs.trained_model}}",
        "type": "literal",
    }
    path = node["componentId"].partition("/components/")[2]
    component = rig.emulator.arm("GET", f"/components/{path}").json()["properties"]["componentSpec"]
    assert component["environment"] == ENVIRONMENT
    assert component["command"].startswith("python compare.py ")
    rig.jobs.cancel(asked.name)


def test_the_comparing_step_may_be_serverless_and_without_a_general_set(rig: EmulatorRig) -> None:
    step = CompareStep(spec().model_id, "run/claim/validation.jsonl", None, SERVERLESS, SIZE)
    asked = replace(spec(seed=3), compare=step)
    rig.jobs.submit(asked)
    node = rig.emulator.arm("GET", f"/jobs/{asked.name}").json()["properties"]["jobs"]["compare"]
    assert "general" not in node["inputs"]
    assert not node.get("computeId")
    assert node["resources"]["instance_type"] == SIZE
    rig.jobs.cancel(asked.name)


def test_32_submits_at_once_carry_each_its_own_inputs(rig: EmulatorRig) -> None:
    """The SDK's own decorator would mix them up: 31 of 32 bodies were another's when it was tried."""
    parts = ("train", "validation", "test")
    asked = []
    for number in range(1, 33):
        files = {f"{part}_file_path": f"run-{number}/claim/{part}.jsonl" for part in parts}
        for part in parts:
            rig.put(f"run-{number}/claim/{part}.jsonl", 12)
        own = {"seed": 3, "num_train_epochs": number, "learning_rate": number / 1000}
        asked.append(replace(spec(**own), files=files, display_name=f"job {number}"))
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(rig.jobs.submit, asked))
    for number, one in enumerate(asked, 1):
        body = rig.emulator.arm("GET", f"/jobs/{one.name}").json()["properties"]
        (node,) = body["jobs"].values()
        sent = {name: given.get("value", given.get("uri")) for name, given in node["inputs"].items()}
        assert (body["displayName"], body["tags"][SPEC]) == (f"job {number}", one.digest())
        assert (sent["num_train_epochs"], float(sent["learning_rate"])) == (str(number), number / 1000)
        for part in parts:
            assert sent[f"{part}_file_path"].endswith(f"/run-{number}/claim/{part}.jsonl")
        rig.jobs.cancel(one.name)


def test_a_submit_whose_answer_was_lost_is_taken_up(rig: EmulatorRig) -> None:
    asked, before = spec(seed=3), counted(rig, SUBMIT)
    fault(rig, SUBMIT, after=True)
    with pytest.raises(Transient):
        rig.jobs.submit(asked)
    assert counted(rig, SUBMIT) - before == ALL_TRIES
    assert rig.jobs.submit(asked).tags[SPEC] == asked.digest()
    assert counted(rig, SUBMIT) - before == ALL_TRIES
    rig.jobs.cancel(asked.name)


def test_a_submit_that_meets_its_own_job_takes_it_up(rig: EmulatorRig) -> None:
    """Azure ML refuses a name that came into being between the look and the PUT: ours, by a lost answer."""
    asked = spec(seed=3)
    message = "A job with this name already exists."
    fault(rig, SUBMIT, status=400, code="UserError", message=message, times=1, after=True)
    assert rig.jobs.submit(asked).tags[SPEC] == asked.digest()
    rig.jobs.cancel(asked.name)


def test_an_endpoint_s_lost_answer_shows_at_the_next_look(rig: EmulatorRig) -> None:
    name = unique("acme-lost")
    fault(rig, MAKE_ENDPOINT, after=True)
    with pytest.raises(Transient):
        rig.endpoints.create(name, "key", {RUN: "run-1"})
    assert rig.endpoints.find(name).tags == {RUN: "run-1"}


def test_no_room_and_busy_are_tried_again_later(rig: EmulatorRig) -> None:
    name = unique("acme-full")
    fault(rig, MAKE_ENDPOINT, status=400, code="OutOfQuota", message="Not enough quota", times=1)
    with pytest.raises(Transient) as full:
        rig.endpoints.create(name, "key", {})
    assert full.value.problem.code == "azureml-no-room"
    fault(rig, MAKE_ENDPOINT, status=409, code="Conflict", message="Another operation is running", times=1)
    with pytest.raises(Transient):
        rig.endpoints.create(name, "key", {})
    with pytest.raises(Missing):
        rig.endpoints.find(name)


def served(rig: EmulatorRig) -> str:
    asked, endpoint = spec(), unique("acme-sent")
    rig.jobs.submit(asked)
    rig.finish(asked.name)
    wanted = ModelVersion("Phi-4-acme", unique("1"), {}, "")
    model = rig.models.register(wanted, f"azureml://jobs/{asked.name}/outputs/trained_model", "Tuned")
    rig.endpoints.create(endpoint, "key", {"a": "b"})
    until(lambda: rig.endpoints.find(endpoint).state == "succeeded", 30, "the endpoint is made")
    rig.endpoints.deploy(DeploymentSpec(endpoint, "r0123456789", model.id, SIZE, 2, {}))
    until(lambda: rig.endpoints.deployment(endpoint, "r0123456789").state == "succeeded", 30, "it serves")
    return endpoint


def test_a_deployment_s_body_has_its_probe_and_limit(
    rig: EmulatorRig, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {thread.name for thread in threading.enumerate() if thread.name.startswith("LROPoller")}
    endpoint = served(rig)
    body = rig.emulator.arm("GET", f"/onlineEndpoints/{endpoint}/deployments/r0123456789").json()
    assert body["properties"]["livenessProbe"]["initialDelay"] == "PT10M"
    assert body["properties"]["requestSettings"]["requestTimeout"] == "PT1M30S"
    assert body["sku"]["capacity"] == 2
    rig.endpoints.set_traffic(endpoint, {"r0123456789": 100})
    found = rig.emulator.arm("GET", f"/onlineEndpoints/{endpoint}").json()
    assert (found["properties"]["authMode"], found["tags"]) == ("Key", {"a": "b"})
    assert found["identity"]["type"].lower() == "systemassigned"
    # The SDK's pollers ended at their first look, and printed nothing.
    pollers = [
        thread
        for thread in threading.enumerate()
        if thread.name.startswith("LROPoller") and thread.name not in before
    ]
    for thread in pollers:
        thread.join(5)
        assert not thread.is_alive()
    assert "." not in capsys.readouterr().out


def test_no_call_asks_how_an_operation_goes(rig: EmulatorRig) -> None:
    before = calls(rig, "peration")
    rig.endpoints.create(unique("acme-quiet"), "key", {})
    assert calls(rig, "peration") == before


def test_the_log_of_a_failed_job_is_that_of_the_step_that_failed(rig: EmulatorRig) -> None:
    asked = spec(seed=1)
    rig.jobs.submit(asked)
    until(lambda: rig.jobs.find(asked.name).over, 60, "the job is over")
    found = rig.jobs.find(asked.name)
    assert found.status == "failed"
    failure = rig.jobs.failure(asked.name)
    assert "training on 12 rows" in failure.log
    assert failure.step == "chat_completion_finetune"
    assert "seed 1 makes this job fail" in str(failure.error)


def test_a_cluster_without_gpus_has_none(rig: EmulatorRig) -> None:
    body = {"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_D12_v2"}}}
    assert rig.emulator.arm("PUT", "/computes/cpu-cluster", json=body).status_code == 201
    assert rig.computes.sizes()[rig.computes.find("cpu-cluster").size.lower()].gpus == 0


def test_an_unknown_version_names_those_there_are(rig: EmulatorRig) -> None:
    with pytest.raises(Rejected, match=r"no model 'Phi-4' in version '999'\. It has 8\."):
        rig.models.resolve("Phi-4", "azureml", "999")


def test_a_component_is_asked_for_once(rig: EmulatorRig) -> None:
    rig.models.component("chat_completion_pipeline", "azureml")
    before = calls(rig, "components")
    assert before
    rig.models.component("chat_completion_pipeline", "azureml")
    assert calls(rig, "components") == before
