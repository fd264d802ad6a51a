"""The training loop: plain torch over transformers and peft, fp32, loss on assistant tokens."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from local.trainer import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.trainer.chats import Row
    from local.trainer.parameters import Parameters


class Log(Protocol):
    """Where figures go: one point of one metric at a step."""

    def __call__(self, key: str, value: float, step: int) -> None:
        """Keep a point; one that is not a number is not kept."""


@dataclass
class Progress:
    """Where the loop is, and the losses since the last log line."""

    step: int = 0
    losses: float = 0.0
    counted: int = 0
    total: float = 0.0


def train(
    net: Any,  # noqa: ANN401 - a torch module
    train_rows: list[Row],
    eval_rows: list[Row],
    parameters: Parameters,
    log: Log,
) -> dict[str, float]:
    """Train `net` in place; return the last evaluation's figures. net: a torch module, LoRA or whole."""
    import torch

    torch.manual_seed(parameters.seed)
    batches = math.ceil(len(train_rows) / parameters.per_device_train_batch_size)
    a_epoch = max(1, math.ceil(batches / parameters.gradient_accumulation_steps))
    steps = parameters.max_steps if parameters.max_steps > 0 else a_epoch * parameters.num_train_epochs
    optimizer, schedule = _optimizer(net, parameters, steps)
    at, begun, last = Progress(), time.monotonic(), {}
    while at.step < steps:
        epoch = at.step // a_epoch
        for accumulated in _groups(train_rows, parameters, epoch):
            norm = _step(net, accumulated, optimizer, schedule, parameters, at)
            if at.step % parameters.logging_steps == 0 or at.step == steps:
                _report(at, schedule, norm, at.step / a_epoch, log)
            if at.step >= steps:
                break
        if parameters.evaluation_strategy != "disable" or at.step >= steps:
            last = _evaluate(net, eval_rows, parameters, at.step, log)
    seconds = time.monotonic() - begun
    log("train_loss", at.total / max(at.step, 1), at.step)
    log("train_runtime", seconds, at.step)
    log("train_samples_per_second", len(train_rows) * at.step / a_epoch / seconds, at.step)
    log("train_steps_per_second", at.step / seconds, at.step)
    log("total_flos", _flos(net, train_rows) * at.step / a_epoch, at.step)
    return last


def _groups(rows: list[Row], parameters: Parameters, epoch: int) -> Iterator[list[list[Row]]]:
    """Shuffle for the epoch and give batches, grouped by optimizer step."""
    import torch

    order = torch.randperm(
        len(rows), generator=torch.Generator().manual_seed(parameters.seed + epoch)
    ).tolist()
    size = parameters.per_device_train_batch_size
    batches = [[rows[n] for n in order[i : i + size]] for i in range(0, len(order), size)]
    for i in range(0, len(batches), parameters.gradient_accumulation_steps):
        yield batches[i : i + parameters.gradient_accumulation_steps]


def _step(
    net: Any,  # noqa: ANN401
    batches: list[list[Row]],
    optimizer: Any,  # noqa: ANN401
    schedule: Any,  # noqa: ANN401
    parameters: Parameters,
    at: Progress,
) -> float:
    """One optimizer step over its batches; returns the gradient's norm before it is clipped."""
    import torch

    net.train()
    loss_sum = 0.0
    for batch in batches:
        ids, mask, labels = evaluate.collate(batch)
        loss = net(input_ids=ids, attention_mask=mask, labels=labels).loss / len(batches)
        loss.backward()
        loss_sum += float(loss.detach())
    trained = [p for p in net.parameters() if p.requires_grad]
    norm = float(torch.nn.utils.clip_grad_norm_(trained, parameters.max_grad_norm or math.inf))
    optimizer.step()
    schedule.step()
    optimizer.zero_grad(set_to_none=True)
    at.step += 1
    at.losses, at.counted, at.total = at.losses + loss_sum, at.counted + 1, at.total + loss_sum
    return norm


def _report(at: Progress, schedule: Any, norm: float, epoch: float, log: Log) -> None:  # noqa: ANN401
    log("loss", at.losses / max(at.counted, 1), at.step)
    log("grad_norm", norm, at.step)
    log("learning_rate", float(schedule.get_last_lr()[0]), at.step)
    log("epoch", epoch, at.step)
    at.losses, at.counted = 0.0, 0


def _evaluate(net: Any, rows: list[Row], parameters: Parameters, step: int, log: Log) -> dict[str, float]:  # noqa: ANN401
    """Mean loss over the validation file's assistant tokens, as Hugging Face's Trainer names its figures."""
    if not rows:
        return {}
    net.eval()
    begun = time.monotonic()
    sums = evaluate.losses(net, rows, max(parameters.per_device_eval_batch_size, 1))
    seconds = max(time.monotonic() - begun, 1e-9)
    figures = {
        "eval_loss": sum(sums) / sum(row.learnt for row in rows),
        "eval_runtime": seconds,
        "eval_samples_per_second": len(rows) / seconds,
        "eval_steps_per_second": math.ceil(len(rows) / parameters.per_device_eval_batch_size) / seconds,
    }
    for key, value in figures.items():
        log(key, value, step)
    return figures


def _optimizer(net: Any, parameters: Parameters, steps: int) -> tuple[Any, Any]:  # noqa: ANN401
    import torch
    from transformers import Adafactor, get_scheduler

    trained = [p for p in net.parameters() if p.requires_grad]
    if parameters.optim == "adafactor":
        optimizer: Any = Adafactor(
            trained, lr=parameters.learning_rate, scale_parameter=False, relative_step=False
        )
    else:
        optimizer = torch.optim.AdamW(
            trained,
            lr=parameters.learning_rate,
            betas=(parameters.adam_beta1, parameters.adam_beta2),
            eps=parameters.adam_epsilon,
            weight_decay=parameters.weight_decay,
        )
    schedule = get_scheduler(parameters.lr_scheduler_type, optimizer, parameters.warmup_steps, steps)
    return optimizer, schedule


def _flos(net: Any, rows: list[Row]) -> float:  # noqa: ANN401
    """Estimate one epoch's floating-point operations: 6 for each weight and token."""
    weights = float(sum(p.numel() for p in net.parameters()))
    return 6.0 * weights * float(sum(len(row.ids) for row in rows))
