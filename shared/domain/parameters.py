"""The job's parameters: the product's defaults, the model's over them, the recipe's over both.

Only what the recipe's author wrote overrides the model's own defaults. Values end in the component's types:
`true` as "true", `2` as "2" where an enum holds strings, `5e-6` as a number.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.domain.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = str | int | float

PRODUCT_DEFAULTS: Mapping[str, Any] = {
    "num_train_epochs": 3,
    "per_device_train_batch_size": 1,
    "per_device_eval_batch_size": 1,
    "learning_rate": 5e-6,
    "lr_scheduler_type": "cosine",
    "apply_lora": "true",
    "apply_deepspeed": "true",
    "deepspeed_stage": "2",
    "save_total_limit": 1,
}
OURS = frozenset(
    {
        "mlflow_model_path",
        "train_file_path",
        "validation_file_path",
        "test_file_path",
        "number_of_gpu_to_use_finetuning",
    }
)


@dataclass(frozen=True)
class Parameters:
    """The component's inputs by name, and the model's keys that the component does not know."""

    values: Mapping[str, Value]
    dropped: tuple[str, ...]


def merge(
    inputs: Mapping[str, Mapping[str, Any]], model: Mapping[str, Any], recipe: Mapping[str, Any]
) -> Parameters:
    """Lay the three layers over each other and put each value into its input's type.

    inputs: the component's, by name, each `{type, enum, min, …}`. Raises Rejected naming every wrong field
    of the recipe, with the nearest known name; a key of the model's that is no input is dropped and named.
    """
    faults = [_unknown(key, inputs) for key in recipe if key not in inputs or key in OURS]
    layers = {**PRODUCT_DEFAULTS, **model, **recipe}
    values: dict[str, Value] = {}
    for key, value in layers.items():
        if key not in inputs or key in OURS:
            continue
        try:
            values[key] = cast(value, inputs[key])
        except ValueError as fault:
            faults.append(f"training.{key}: {fault}")
    if faults:
        raise Rejected(
            "training-parameters",
            "; ".join(faults) + ".",
            "Mend the recipe's training section and drop the data set again.",
        )
    dropped = tuple(sorted(key for key in model if key not in inputs))
    return Parameters(values, dropped)


def cast(value: object, spec: Mapping[str, Any]) -> Value:
    """Put a value into a component input's type; raises ValueError saying what was expected."""
    kind = str(spec.get("type", "string")).lower()
    if kind in {"integer", "number"}:
        return _number(value, kind, spec)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    allowed = [str(option) for option in spec.get("enum") or ()]
    if allowed and text not in allowed:
        raise ValueError(f"found {value!r}, expected one of {', '.join(allowed)}")
    return text


def _number(value: object, kind: str, spec: Mapping[str, Any]) -> Value:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"found {value!r}, expected {_a(kind)}")  # noqa: TRY004 - one kind of fault for callers
    try:
        number: int | float = float(value)
    except ValueError:
        raise ValueError(f"found {value!r}, expected {_a(kind)}") from None
    if kind == "integer":
        if number != int(number):
            raise ValueError(f"found {value!r}, expected an integer")
        number = int(number)
    least = spec.get("min")
    if least is not None and number < float(least):
        raise ValueError(f"found {value!r}, expected at least {least}")
    return number


def _a(kind: str) -> str:
    return "an integer" if kind == "integer" else "a number"


def _unknown(key: str, inputs: Mapping[str, Any]) -> str:
    if key in OURS:
        return f"training.{key}: is set by Droptune"
    near = difflib.get_close_matches(key, inputs, n=1)
    return f"training.{key}: unknown" + (f", did you mean {near[0]!r}?" if near else "")


def display_name(model: str, data_set: str, values: Mapping[str, Value], gpus: int) -> str:
    """Name a job for people: model, data set and what tells one training from another."""

    def number(key: str, default: int) -> int:
        return int(values.get(key, default))

    batch = number("per_device_train_batch_size", 1) * number("gradient_accumulation_steps", 1)
    batch *= gpus * number("num_nodes_finetune", 1)
    deepspeed = f"ds{values.get('deepspeed_stage', 2)}" if values.get("apply_deepspeed") == "true" else "nods"
    lora = "lora" if values.get("apply_lora") == "true" else "nolora"
    return (
        f"{model}-{data_set}-bs{batch}-{values.get('lr_scheduler_type', 'linear')}-{deepspeed}-{lora}"
        f"-save_limit{values.get('save_total_limit', -1)}-seqlen{values.get('max_seq_length', -1)}"
    )
