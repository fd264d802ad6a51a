"""One fine-tune job, from its spec to its MLflow model folder and its result file."""

from __future__ import annotations

import json
import math
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.trainer import chats, loop, models, offline, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from local.trainer.chats import Row
    from local.trainer.parameters import Parameters


class FigureFile:
    """Metrics as JSON lines, each flushed at once; a value that is not a number is never written."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, key: str, value: float, step: int) -> None:
        """Write one point."""
        if not math.isfinite(value):
            return
        point = {"key": key, "value": value, "step": step, "timestamp": int(time.time() * 1000)}
        self._file.write(json.dumps(point) + "\n")
        self._file.flush()
        if key in {"loss", "eval_loss"}:
            print(f"step {step}: {key} {value:.4f}", flush=True)


def finetune(spec: Mapping[str, Any]) -> int:
    """Run the job a spec describes (README.md, Job); 0 where its model folder was written."""
    result = Path(spec["result"])
    try:
        properties = _run(spec)
    except (chats.DataError, parameters.ParameterError, FileNotFoundError) as fault:
        return _failed(result, "UserError", str(fault))
    except MemoryError as fault:
        return _failed(result, "UserError", f"out of memory: {fault}")
    result.write_text(json.dumps({"status": "completed", "properties": properties}), "utf-8")
    return 0


def _failed(result: Path, code: str, message: str) -> int:
    print(f"failed: {message}", flush=True)
    failure = {"status": "failed", "error": {"code": code, "message": message}}
    result.write_text(json.dumps(failure), "utf-8")
    return 1


def _run(spec: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    torch.set_num_threads(offline.threads())
    settings = parameters.read(spec["parameters"])
    idle = sorted(parameters.WITHOUT_EFFECT & set(spec["parameters"]))
    print(f"without effect on a CPU: {', '.join(idle) or 'nothing'}", flush=True)
    model = models.load(Path(spec["base_model"]))
    train, validation = _rows(spec, model, settings)
    net = _with_lora(model.net, settings)
    weights = sum(p.numel() for p in net.parameters() if p.requires_grad)
    print(
        f"{len(train)} train rows, {len(validation)} validation rows, {weights:,} weights to train",
        flush=True,
    )
    with Path(spec["metrics"]).open("a", encoding="utf-8") as file:
        last = loop.train(net, train, validation, settings, FigureFile(file))
    if settings.apply_lora:
        net = net.merge_and_unload()
    steps = settings.max_steps if settings.max_steps > 0 else settings.num_train_epochs
    _save(
        net, model.tokenizer, spec, {"trained": f"{steps} {'steps' if settings.max_steps > 0 else 'epochs'}"}
    )
    return _properties(train, validation, settings, last)


def _rows(spec: Mapping[str, Any], model: models.Model, settings: Parameters) -> tuple[list[Row], list[Row]]:
    """Read rows that the preprocess task made tokens of; chats become tokens here."""
    encoded = [chats.read_encoded(Path(spec[part])) for part in ("train", "validation")]
    if encoded[0] is not None and encoded[1] is not None:
        return encoded[0], encoded[1]
    limit = chats.longest(model.tokenizer, model.net.config, settings.max_seq_length)
    given = chats.read(Path(spec["train"]))
    if len(given) < chats.LEAST_TRAIN_ROWS:
        raise chats.DataError(f"{len(given)} train rows are left, expected at least {chats.LEAST_TRAIN_ROWS}")
    train = chats.encode_all(model.tokenizer, given, limit)
    if not train:
        raise chats.DataError("no assistant tokens are left in any train row")
    return train, chats.encode_all(model.tokenizer, chats.read(Path(spec["validation"])), limit)


def _with_lora(net: Any, settings: Parameters) -> Any:  # noqa: ANN401 - a torch module
    if not settings.apply_lora:
        return net
    from peft import LoraConfig, get_peft_model

    return get_peft_model(
        net,
        LoraConfig(
            r=settings.lora_r,
            lora_alpha=settings.lora_alpha,
            lora_dropout=settings.lora_dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )


def _save(net: Any, tokenizer: Any, spec: Mapping[str, Any], trained: dict[str, str]) -> None:  # noqa: ANN401
    """Write the MLflow model folder, in bf16 but for the tiny model, whose weights need no shrinking."""
    import mlflow
    import torch

    out = Path(spec["output_dir"])
    shutil.rmtree(out, ignore_errors=True)
    large = sum(p.numel() for p in net.parameters()) > 1_000_000  # noqa: PLR2004
    mlflow.transformers.save_model(
        {"model": net.to(torch.bfloat16) if large else net, "tokenizer": tokenizer},
        str(out),
        task="text-generation",
        pip_requirements=["torch", "transformers", "mlflow"],
        metadata={"base_model": Path(spec["base_model"]).name, **trained},
    )


def _properties(
    train: list[Row], validation: list[Row], settings: Parameters, last: dict[str, float]
) -> dict[str, Any]:
    """Give the root run's properties: token counts are of train and validation, times epochs."""
    rows = [*train, *validation]
    epochs = settings.num_train_epochs
    properties: dict[str, Any] = {
        "__azureml_ft_training_tokens": sum(len(row.ids) for row in rows) * epochs,
        "__azureml_ft_assistant_tokens": sum(row.learnt for row in rows) * epochs,
    }
    if "eval_loss" in last and math.isfinite(last["eval_loss"]):
        properties["score"] = last["eval_loss"]
    return properties
