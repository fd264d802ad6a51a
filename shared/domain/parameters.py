"""The job's parameters: the product's defaults, the model's over them, the recipe's over both.

Only what the recipe's author wrote overrides the model's own defaults. Values end in the component's types:
`true` as "true", `2` as "2" where an enum holds strings, `5e-6` as a number.
"""

from __future__ import annotations

import difflib
import math
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
COMPONENT = "chat_completion_pipeline"
STEPS = ("model_import", "preprocess", "finetune", "model_evaluation")
OURS: Mapping[str, str] = {
    "task_name": "it is always ChatCompletion",
    "number_of_gpu_to_use_finetuning": "the GPUs of the compute are counted",
    **dict.fromkeys(("mlflow_model_path", "pytorch_model_path", "huggingface_id"), "see base_model"),
    **{
        f"{part}_{kind}_path": "the drop is what is trained on"
        for part in ("train", "validation", "test")
        for kind in ("file", "mltable")
    },
    **{f"compute_{step}": "see compute.name" for step in STEPS},
    **{f"instance_type_{step}": "see compute.size" for step in STEPS},
}
LITERALS = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True)
class Parameters:
    """The component's inputs by name, and what of the model's defaults was left out, with the reason."""

    values: Mapping[str, Value]
    dropped: Mapping[str, str]


def merge(
    inputs: Mapping[str, Mapping[str, Any]], model: Mapping[str, Any], recipe: Mapping[str, Any]
) -> Parameters:
    """Lay the three layers over each other and put each value into its input's type.

    inputs: the component's, by name, each `{type, enum, min, …}`. Raises Rejected naming every wrong field
    of the recipe, with the nearest known name; a default of the model's that does not fit is left out.
    """
    values: dict[str, Value] = {}
    for key, value in PRODUCT_DEFAULTS.items():
        if key in inputs:
            values[key] = cast(value, inputs[key])
    dropped = _lay_over(values, inputs, model)
    faults = _lay_over(values, inputs, recipe)
    if faults:
        raise Rejected(
            "training-parameters",
            _sentence("; ".join(f"training.{key}: {fault}" for key, fault in faults.items())),
            "Mend the recipe's training section, then drop again: droptune drop FILE --recipe RECIPE",
        )
    return Parameters(values, dropped)


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text}."


def _lay_over(
    values: dict[str, Value], inputs: Mapping[str, Mapping[str, Any]], layer: Mapping[str, Any]
) -> dict[str, str]:
    """Put a layer's values over those there are; give what does not fit, with the reason."""
    faults: dict[str, str] = {}
    for key, value in layer.items():
        fault = _not_theirs(key, inputs)
        if fault is None:
            try:
                values[key] = cast(value, inputs[key])
            except ValueError as wrong:
                fault = str(wrong)
        if fault is not None:
            faults[key] = fault
    return faults


def cast(value: object, spec: Mapping[str, Any]) -> Value:
    """Put a value into a component input's type; raises ValueError saying what was expected."""
    kind = str(spec.get("type", "string")).lower()
    if kind in {"integer", "number"}:
        return _number(value, kind, spec)
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError(f"found {value!r}, expected a text")  # noqa: TRY004 - one kind of fault for callers
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
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or (kind == "integer" and number != int(number)):
        raise ValueError(f"found {value!r}, expected {_a(kind)}")
    _check_range(value, number, spec)
    return int(number) if kind == "integer" else number


def _check_range(value: object, number: float, spec: Mapping[str, Any]) -> None:
    least, most = spec.get("min"), spec.get("max")
    if least is not None and number < float(least):
        raise ValueError(f"found {value!r}, expected at least {least}")
    if most is not None and number > float(most):
        raise ValueError(f"found {value!r}, expected at most {most}")


def _a(kind: str) -> str:
    return "an integer" if kind == "integer" else "a number"


def _is_literal(spec: Mapping[str, Any] | None) -> bool:
    """Tell whether an input is there and takes a plain value; one that takes a file or a model does not."""
    return spec is not None and str(spec.get("type", "string")).lower() in LITERALS


def _not_theirs(key: str, inputs: Mapping[str, Mapping[str, Any]]) -> str | None:
    if key in OURS:
        return f"is set by Droptune ({OURS[key]})"
    if _is_literal(inputs.get(key)):
        return None
    if key in inputs:
        return f"takes a {inputs[key].get('type')}, and a recipe gives plain values alone"
    near = difflib.get_close_matches(key, [name for name in inputs if name not in OURS], n=1)
    return "unknown" + (f", did you mean {near[0]!r}?" if near else "")


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
