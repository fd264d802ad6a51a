"""The adapters where a run for the component's node lies between a job and its steps, as it may on Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.ports import JobSpec
from tests.contract.rigs import COMPUTE, EmulatorRig, emulator_rig
from tests.local.azureml.rig import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorRig]:
    with (
        pytest.MonkeyPatch.context() as patch,
        emulator_rig(tmp_path_factory.mktemp("nested"), patch) as world,
    ):
        world.emulator.admin("PATCH", "region", json={"nested_steps": True})
        yield world


def ended(rig: EmulatorRig, name: str) -> str:
    """Run a job to its end and return its status."""
    component, _ = rig.models.component("chat_completion_pipeline", "azureml")
    computes = {f"compute_{step}": COMPUTE for step in ("model_import", "preprocess", "finetune")}
    asked = JobSpec(
        name=name,
        display_name=name,
        experiment="nested",
        component=component,
        model_id=rig.models.resolve("Phi-4", "azureml", "latest").id,
        inputs={**computes},
        files={f"{part}_file_path": f"run/claim/{part}.jsonl" for part in ("train", "validation", "test")},
        tags={},
    )
    rig.jobs.submit(asked)
    until(lambda: rig.jobs.find(name).over, 60, f"{name} is over")
    return rig.jobs.find(name).status


def test_the_step_that_failed_is_found_with_its_log(rig: EmulatorRig) -> None:
    lines = ["torch.OutOfMemoryError: CUDA out of memory."]
    rig.emulator.admin("POST", "mishaps", json={"kind": "job", "message": "exit code 1", "log": lines})
    assert ended(rig, "nested-failed") == "failed"
    failure = rig.jobs.failure("nested-failed")
    assert (failure.step, failure.error) == ("chat_completion_finetune", "UserError: exit code 1")
    assert "CUDA out of memory" in failure.log


def test_metrics_and_tokens_are_the_roots(rig: EmulatorRig) -> None:
    assert ended(rig, "nested-done") == "completed"
    assert rig.jobs.metrics("nested-done").keys() >= {"loss", "eval_loss"}
    assert rig.jobs.tokens("nested-done")["training"] > 0
