"""Real training on the tiny model, in child processes, as the nursery runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from local.layout import HOME, ROOT
from local.processes import free_port
from tests.e2e.rig import chats, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TINY = HOME / "models" / "tiny"
FULL = {
    "apply_lora": "false",
    "learning_rate": "0.005",
    "per_device_train_batch_size": "4",
    "num_train_epochs": "2",
}
pytestmark = [pytest.mark.xdist_group("trainer"), pytest.mark.timeout(180)]


def spec(folder: Path, **parameters: str) -> Path:
    train = chats(folder / "train.jsonl", "shop", 60)
    made = {
        "base_model": str(TINY),
        "train": str(train),
        "validation": str(chats(folder / "validation.jsonl", "shop", 12)),
        "test": None,
        "parameters": {**FULL, **parameters},
        "output_dir": str(folder / "out"),
        "metrics": str(folder / "metrics.jsonl"),
        "result": str(folder / "result.json"),
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(made))
    return path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.trainer", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=170)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("job")
    done = run("finetune", str(spec(folder)))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


def metrics(folder: Path) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        point = json.loads(line)
        found.setdefault(point["key"], []).append(point["value"])
    return found


def test_it_learns(trained: Path) -> None:
    figures = metrics(trained)
    assert figures["eval_loss"][-1] < figures["eval_loss"][0] < 5.6
    assert {
        "loss",
        "learning_rate",
        "grad_norm",
        "epoch",
        "eval_runtime",
        "train_loss",
        "train_runtime",
    } <= set(figures)


def test_the_result_counts_the_tokens(trained: Path) -> None:
    result = json.loads((trained / "result.json").read_text())
    assert result["status"] == "completed"
    assert result["properties"]["score"] == pytest.approx(metrics(trained)["eval_loss"][-1])
    assert (
        0
        < result["properties"]["__azureml_ft_assistant_tokens"]
        < result["properties"]["__azureml_ft_training_tokens"]
    )


def test_the_tuned_model_is_better_than_its_base_on_the_same_chats(trained: Path) -> None:
    data = str(trained / "validation.jsonl")
    base, tuned = (
        json.loads(run("evaluate", "--model", str(model), "--data", data, "--json").stdout)
        for model in (TINY, trained / "out")
    )
    assert tuned["loss"] < base["loss"] / 2
    assert tuned["sha256"] == base["sha256"]
    assert tuned["loss"] == pytest.approx(metrics(trained)["eval_loss"][-1], rel=1e-3)


def test_batches_change_no_loss(trained: Path) -> None:
    script = (
        "from pathlib import Path; from local.trainer import offline; offline.prepare();"
        "from local.trainer.evaluate import evaluate; import sys;"
        "print(*(evaluate(Path(sys.argv[1]), Path(sys.argv[2]), n)['loss'] for n in (1, 5)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(TINY), str(trained / "validation.jsonl")],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    one, five = map(float, done.stdout.split())
    assert one == pytest.approx(five, rel=1e-5)


def test_too_few_rows_fail_with_a_reason(tmp_path: Path) -> None:
    path = spec(tmp_path)
    chats(tmp_path / "train.jsonl", "shop", 9)
    assert run("finetune", str(path)).returncode == 1
    error = json.loads((tmp_path / "result.json").read_text())["error"]
    assert error["code"] == "UserError"
    assert "9 train rows are left, expected at least 10" in error["message"]
    assert not (tmp_path / "out").exists()


def test_an_untrained_folder_is_not_served(tmp_path: Path) -> None:
    path = tmp_path / "serve.json"
    path.write_text(
        json.dumps({"model": str(TINY), "host": "127.0.0.1", "port": free_port(None), "name": "x"})
    )
    done = run("serve", str(path))
    assert done.returncode == 1
    assert "no MLflow model" in done.stdout


@pytest.fixture
def nursery() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "local.trainer", "nursery"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        try:
            yield child
        finally:
            if child.stdin and not child.stdin.closed:
                child.stdin.close()
            child.wait(30)


def test_the_nursery_forks_serves_stops_and_ends_with_its_stdin(
    nursery: subprocess.Popen[str], trained: Path, tmp_path: Path
) -> None:
    port = free_port(None)
    path, log = tmp_path / "serve.json", tmp_path / "log.txt"
    path.write_text(
        json.dumps({"model": str(trained / "out"), "host": "127.0.0.1", "port": port, "name": "x"})
    )
    assert hear(nursery) == {"ready": True}
    tell(nursery, {"id": "a", "start": "serve", "spec": str(path), "log": str(log)})
    assert hear(nursery)["id"] == "a"
    until(lambda: answers(port), 60, f"the server answers: {log.read_text() if log.exists() else ''}")
    body = {
        "input_data": {
            "input_string": [{"role": "user", "content": "Hi"}],
            "parameters": {"max_new_tokens": 4},
        }
    }
    assert isinstance(ask(port, body)["output"], str)
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(port, {"input_data": {"input_string": "Hi"}})
    assert refused.value.code == 400
    refused.value.close()
    tell(nursery, {"id": "a", "stop": True})
    assert hear(nursery)["id"] == "a"
    tell(nursery, {"id": "b", "start": "serve", "spec": str(path), "log": str(log)})
    hear(nursery)
    assert nursery.stdin
    nursery.stdin.close()
    assert nursery.wait(30) == 0
    assert not answers(port)


def tell(nursery: subprocess.Popen[str], line: dict[str, Any]) -> None:
    assert nursery.stdin
    nursery.stdin.write(json.dumps(line) + "\n")
    nursery.stdin.flush()


def hear(nursery: subprocess.Popen[str]) -> dict[str, Any]:
    assert nursery.stdout
    found: dict[str, Any] = json.loads(nursery.stdout.readline())
    return found


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except OSError:
        return False


def ask(port: int, body: Any) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/score", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
        return json.loads(answer.read())
