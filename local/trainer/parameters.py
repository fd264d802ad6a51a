"""The component's parameters as training reads them. They travel as strings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Accepted, and without effect on one CPU in fp32 with everything in memory.
WITHOUT_EFFECT = frozenset(
    {
        "apply_deepspeed",
        "deepspeed_stage",
        "apply_ort",
        "precision",
        "auto_find_batch_size",
        "dataloader_num_workers",
        "enable_full_determinism",
        "eval_accumulation_steps",
        "number_of_gpu_to_use_finetuning",
        "num_nodes_finetune",
        "trust_remote_code",
        "pad_to_max_length",
        "save_total_limit",
        "batch_size",
    }
)
# Refused where they ask for something that this trainer does not do.
NOT_DONE = {
    "apply_early_stopping": "false",
    "resume_from_checkpoint": "false",
    "merge_lora_weights": "true",
    "ignore_mismatched_sizes": "false",
}


class ParameterError(Exception):
    """A parameter has a value that cannot be trained with."""


@dataclass(frozen=True)
class Parameters:
    """What the training loop needs, with the component's own defaults."""

    num_train_epochs: int = 1
    max_steps: int = -1
    per_device_train_batch_size: int = 1
    per_device_eval_batch_size: int = 1
    gradient_accumulation_steps: int = 1
    learning_rate: float = 2e-5
    lr_scheduler_type: str = "linear"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    optim: str = "adamw_torch"
    seed: int = 42
    max_seq_length: int = -1
    logging_steps: int = 10
    logging_strategy: str = "steps"
    evaluation_strategy: str = "epoch"
    eval_steps: int = 500
    apply_lora: bool = False
    lora_r: int = 8
    lora_alpha: int = 128
    lora_dropout: float = 0.0


def read(given: Mapping[str, Any]) -> Parameters:
    """Put each given value into its type; raises ParameterError."""
    for key, only in NOT_DONE.items():
        if str(given.get(key, only)).lower() != only:
            raise ParameterError(f"{key}={given[key]} is not done by the local trainer, only {only}")
    values: dict[str, Any] = {}
    for field in fields(Parameters):
        if field.name in given:
            values[field.name] = _typed(field.name, str(field.type), str(given[field.name]))
    return Parameters(**values)


def _typed(name: str, kind: str, text: str) -> Any:  # noqa: ANN401 - one of the field's own type
    try:
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        return {"int": int, "float": float, "str": str}[kind](text)
    except (KeyError, ValueError) as fault:
        raise ParameterError(f"{name}={text!r} is no {kind}") from fault
