"""On the whole stack with a real model: what stops a run ends it, says why, and leaves nothing that bills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.rig import Rig, chats

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

pytestmark = pytest.mark.xdist_group("e2e")


def dropped(rig: Rig, path: Path, recipe: str) -> tuple[Any, str]:
    """Drop a file, wait for its failure, and give the run and what `droptune show` says."""
    chats(path, path.stem)
    run = rig.droptune("drop", str(path), "--recipe", recipe, "--no-check", "--wait", good=(1,))
    assert run["state"] == "failed"
    return rig.show(run["run"]), rig.run("show", run["run"]).stdout


def test_what_stands_in_the_way_is_told_before_anything_is_made(rig: Rig, tmp_path: Path) -> None:
    run, said = dropped(rig, tmp_path / "odd.jsonl", "odd")
    for code in ("training-parameters", "model-retired", "compute-missing", "size-retired"):
        assert f"{code} error" in said
    assert "retired since 2025-08-30. Its successor for tuning is Phi-4." in said
    assert "did you mean 'learning_rate'?" in said
    assert rig.made_for(run["run"]) == {"jobs": 0, "models": 0, "endpoints": 0, "deployments": 0}


@pytest.mark.slow
def test_a_failed_job_says_its_step_its_cause_and_what_helps(rig: Rig, tmp_path: Path) -> None:
    lines = ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"]
    mishap = {"kind": "job", "name": "tiny-*", "code": "UserError", "message": "exit code 1", "log": lines}
    rig.post(rig.stack.url("azureml") + "/admin/mishaps", mishap)
    run, said = dropped(rig, tmp_path / "memory.jsonl", "tiny")
    assert run["problem"]["code"] == "job-out-of-memory"
    assert "failed in step chat_completion_finetune (it ran out of memory)" in said
    assert "CUDA out of memory" in said
    assert "Lower training.max_seq_length" in said


@pytest.mark.slow
def test_a_loss_that_is_too_high_ends_the_run_with_the_figures(rig: Rig, tmp_path: Path) -> None:
    run, said = dropped(rig, tmp_path / "gate.jsonl", "strict")
    assert run["problem"]["code"] == "gate-eval-loss"
    loss = run["metrics"]["eval_loss"]
    assert loss > 0.01
    assert f"The loss on the held-out rows is {loss:.4g}, over evaluation.max_eval_loss (0.01)." in said
    assert run["tokens"]["training"] > 0
    assert rig.made_for(run["run"]) == {"jobs": 1, "models": 0, "endpoints": 0, "deployments": 0}
    page = tmp_path / "run.html"
    assert rig.run("show", run["run"], "--html", str(page)).returncode == 0
    assert "Loss over steps" in page.read_text("utf-8")
