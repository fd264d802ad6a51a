"""What a job really trains on: the emulator with the real trainer and the tiny model."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.azureml.flow import PARTS, details, path, submit, wait_for
from tests.local.azureml.rig import ROOT, WS, Emulator, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.local.azureml.flow import Storage
    from tests.local.azureml.rig import Tls

MAKE = "import sys, pathlib; from local.trainer import tiny; tiny.make(pathlib.Path(sys.argv[1]))"
QUICK = {"max_steps": "1", "per_device_train_batch_size": "16", "apply_lora": "false"}
pytestmark = [pytest.mark.xdist_group("trainer"), pytest.mark.timeout(300)]


def row(question: Any = "Are you open?", answer: Any = "From nine to five.") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture(scope="module")
def real(
    tmp_path_factory: pytest.TempPathFactory, tls: Tls, blob_url: str, storage: Storage
) -> Iterator[Emulator]:
    """An emulator whose trainer is the real one, warm: its imports are done once."""
    assert storage
    folder = tmp_path_factory.mktemp("real")
    subprocess.run([sys.executable, "-c", MAKE, str(folder / "models" / "tiny")], check=True, cwd=ROOT)
    running = Emulator(folder, tls, blob_url, trainer="")
    running.start()
    yield running
    assert "Traceback" not in running.log()
    running.stop()


def train(real: Emulator, storage: Storage, job: str, files: dict[str, list[Any]], **more: str) -> str:
    """Run a job on these rows to its end and return its status."""
    for part, rows in files.items():
        text = "".join(json.dumps(one) + "\n" for one in rows)
        storage.put("prepared", f"{job}/{part}.jsonl", text.encode())
    uris = {part: path(f"{job}/{part}.jsonl") for part in files}
    submit(real, job, {**QUICK, **more}, files=uris)
    return wait_for(real, job, "Completed", "Failed", seconds=240)


def child(real: Emulator, job: str, name: str) -> dict[str, Any]:
    found = real.http("GET", f"/history/v1.0{WS}/runs/{job}/children").json()["value"]
    return next(one for one in found if one["displayName"] == name)


def log_of(real: Emulator, job: str, name: str) -> str:
    files = real.http("GET", details(child(real, job, name)["runId"])).json()["logFiles"]
    return str(real.client().get(files["user_logs/std_log.txt"]).text)


def test_the_public_flow_trains_on_four_fifths_and_ours_on_all(real: Emulator, storage: Storage) -> None:
    """A hand-written flow passes train and test; only with all three files does every row train."""
    files = {part: [row()] * (20 if part == "train" else 4) for part in PARTS}
    public = {part: files[part] for part in ("train", "test")}
    assert train(real, storage, "public-flow", public) == "Completed"
    assert train(real, storage, "all-three", files) == "Completed"
    assert "16 train rows, 4 validation rows" in log_of(real, "public-flow", "chat_completion_finetune")
    assert "20 train rows, 4 validation rows" in log_of(real, "all-three", "chat_completion_finetune")


def test_token_counts_stand_on_the_step_and_on_the_root(real: Emulator, storage: Storage) -> None:
    """Of train and validation, times the epochs; a row more is so many tokens more, the test file none."""
    files = {"train": [row()] * 12, "validation": [row()] * 2, "test": [row()]}
    assert train(real, storage, "counted", files, num_train_epochs="2") == "Completed"
    assert (
        train(real, storage, "one-more", {**files, "train": [row()] * 13, "test": [row()] * 9}) == "Completed"
    )
    counts = {}
    for job in ("counted", "one-more"):
        root = real.arm("GET", f"/jobs/{job}").json()["properties"]["properties"]
        step = child(real, job, "chat_completion_datapreprocess")["properties"]
        keys = ("__azureml_ft_training_tokens", "__azureml_ft_assistant_tokens")
        assert [root[key] for key in keys] == [step[key] for key in keys]
        counts[job] = [int(root[key]) for key in keys]
        assert float(root["score"]) > 0
    of_a_row = [whole / 28 for whole in counts["counted"]]
    assert counts["one-more"] == [15 * tokens for tokens in of_a_row]


@pytest.mark.parametrize(
    ("name", "rows", "says"),
    [
        ("nine-rows", [row()] * 9, "Training dataset has 9 non-null samples, which is fewer than 10 samples"),
        ("bad-first", [row("x" * 3000), *[row()] * 12], "'NoneType' object has no attribute 'write'"),
        ("bad-last", [*[row()] * 12, row("x" * 3000)], "No assistant tokens found after preprocessing"),
        (
            "one-tools",
            [*[row()] * 12, {**row(), "tools": None}],
            "Found no examples after data preprocessing",
        ),
        ("no-text", [*[row()] * 12, row(None)], "Failure while applying chat template to dataset"),
    ],
)
def test_one_row_fails_the_job_in_azures_words(
    real: Emulator, storage: Storage, name: str, rows: list[Any], says: str
) -> None:
    files = {"train": rows, "validation": [row()] * 2, "test": [row()] * 2}
    assert train(real, storage, name, files) == "Failed"
    failed = child(real, name, "chat_completion_datapreprocess")
    assert (failed["status"], says in failed["error"]["error"]["message"]) == ("Failed", True), failed
    assert says in log_of(real, name, "chat_completion_datapreprocess")
    assert child(real, name, "chat_completion_finetune")["status"] == "Canceled"


def test_rows_vanish_in_silence_in_the_middle(real: Emulator, storage: Storage) -> None:
    rows = [*[row()] * 6, row("x" * 3000), {"messages": [{"role": "user", "content": "alone"}]}, *[row()] * 6]
    files = {"train": rows, "validation": [row()] * 2, "test": [row()] * 2}
    assert train(real, storage, "silent", files) == "Completed"
    log = log_of(real, "silent", "chat_completion_datapreprocess")
    assert "12 rows kept, 1 removed, 0 cut, 1 without assistant tokens" in log


def test_a_job_is_quick(real: Emulator, storage: Storage) -> None:
    """Two to three seconds on an idle machine, all five steps of it; here only that it is no minute."""
    files = {part: [row()] * 12 for part in PARTS}
    train(real, storage, "warm", files)
    started = time.monotonic()
    assert train(real, storage, "quick", files) == "Completed"
    print(f"a job with the tiny model: {time.monotonic() - started:.1f} s")
    assert time.monotonic() - started < 30
    until(lambda: not real.admin("GET", "state")["servers"], 5, "nothing is left running")
