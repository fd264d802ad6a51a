from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.domain import parameters
from shared.domain.errors import Rejected

PUBLISHED = Path(__file__).parent.parent / "data" / "models"
INPUTS: dict[str, Any] = json.loads((PUBLISHED / "chat_completion_pipeline.json").read_text())["inputs"]
MODELS = ["phi-3-mini-4k-instruct.2024", "phi-3-mini-4k-instruct.2026", "phi-4.2026"]


def published(model: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PUBLISHED / f"{model}.json").read_text())
    return found


ALIKE: dict[str, Any] = {
    "apply_deepspeed": "true",
    "apply_lora": "true",
    "apply_ort": "false",
    "precision": "16",
    "ignore_mismatched_sizes": "false",
    "num_train_epochs": 1,
    "per_device_train_batch_size": 1,
    "per_device_eval_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "learning_rate": 5e-6,
    "lr_scheduler_type": "cosine",
    "logging_strategy": "steps",
    "logging_steps": 10,
    "save_total_limit": 1,
}
SENT = {
    "phi-3-mini-4k-instruct.2024": {**ALIKE, "deepspeed_stage": "2"},
    "phi-3-mini-4k-instruct.2026": {**ALIKE, "deepspeed_stage": "2"},
    "phi-4.2026": {**ALIKE, "deepspeed_stage": "3"},
}
NO_INPUTS = {"phi-3-mini-4k-instruct.2026": ["learning_rate_max", "learning_rate_min"]}


@pytest.mark.parametrize("model", MODELS)
def test_each_published_tag_set_sends_exactly_these(model: str) -> None:
    merged = parameters.merge(INPUTS, published(model)["model_specific_defaults"], {})
    assert merged.values == SENT[model]
    assert {key: type(value) for key, value in merged.values.items()} == {
        key: type(value) for key, value in SENT[model].items()
    }
    assert (
        sorted(merged.dropped) == NO_INPUTS.get(model, []) == sorted(published(model)["no_component_inputs"])
    )


def test_a_models_default_that_does_not_fit_is_left_out_with_its_reason() -> None:
    merged = parameters.merge(
        INPUTS, {"learning_rate": "fast", "learning_rate_max": 1, "compute_finetune": "x"}, {}
    )
    assert merged.values["learning_rate"] == 5e-6
    assert merged.dropped == {
        "learning_rate": "found 'fast', expected a number",
        "learning_rate_max": "unknown, did you mean 'learning_rate'?",
        "compute_finetune": "is set by Droptune (see compute.name)",
    }


def test_a_models_deepspeed_stage_survives_a_recipe_that_does_not_mention_it() -> None:
    defaults = published("phi-4.2026")["model_specific_defaults"]
    merged = parameters.merge(INPUTS, defaults, {"num_train_epochs": 2})
    assert merged.values["deepspeed_stage"] == "3"
    assert merged.values["num_train_epochs"] == 2


def test_without_a_models_defaults_the_products_hold() -> None:
    merged = parameters.merge(INPUTS, {}, {})
    assert merged.values["num_train_epochs"] == 3
    assert merged.values["apply_lora"] == "true"


@pytest.mark.parametrize(
    ("key", "written", "sent"),
    [
        ("apply_lora", True, "true"),
        ("deepspeed_stage", 2, "2"),
        ("learning_rate", "5e-6", 5e-6),
        ("learning_rate", 1, 1.0),
        ("num_train_epochs", "2", 2),
        ("num_train_epochs", 2.0, 2),
    ],
)
def test_values_end_in_the_components_types(key: str, written: object, sent: object) -> None:
    value = parameters.merge(INPUTS, {}, {key: written}).values[key]
    assert value == sent
    assert type(value) is type(sent)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"learning_rat": 1}, "training.learning_rat: unknown, did you mean 'learning_rate'?"),
        ({"num_train_epochs": 0}, "training.num_train_epochs: found 0, expected at least 1"),
        ({"num_train_epochs": 1.5}, "found 1.5, expected an integer"),
        ({"learning_rate": "fast"}, "found 'fast', expected a number"),
        ({"learning_rate": True}, "found True, expected a number"),
        ({"lr_scheduler_type": "sine"}, "found 'sine', expected one of linear, cosine"),
        ({"learning_rate": float("nan")}, "found nan, expected a number"),
        ({"num_train_epochs": float("inf")}, "found inf, expected an integer"),
        ({"num_train_epochs": "1e999"}, "found '1e999', expected an integer"),
        ({"train_file_path": "x"}, "training.train_file_path: is set by Droptune"),
        ({"compute_finetune": "big"}, "training.compute_finetune: is set by Droptune (see compute.name)"),
        ({"instance_type_finetune": "x"}, "is set by Droptune (see compute.size)"),
        ({"deepspeed": "ds.json"}, "training.deepspeed: takes a uri_file, and a recipe gives plain values"),
        ({"precision": None}, "training.precision: found None, expected a text"),
        ({"precision": [16]}, "training.precision: found [16], expected a text"),
    ],
)
def test_what_a_recipe_gets_wrong_is_named(written: dict[str, object], said: str) -> None:
    with pytest.raises(Rejected) as caught:
        parameters.merge(INPUTS, {}, written)
    assert said in caught.value.problem.message


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(Rejected) as caught:
        parameters.merge(INPUTS, {}, {"learning_rat": 1, "num_train_epochs": 0})
    assert "learning_rat" in caught.value.problem.message
    assert "num_train_epochs" in caught.value.problem.message


def test_a_display_name_tells_trainings_apart() -> None:
    values = parameters.merge(
        INPUTS, {}, {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    ).values
    name = parameters.display_name("Phi-4", "monday", values, gpus=2)
    assert name == "Phi-4-monday-bs16-cosine-ds2-lora-save_limit1-seqlen-1"
