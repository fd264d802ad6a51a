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


@pytest.mark.parametrize("model", MODELS)
def test_the_models_own_defaults_win_over_the_products(model: str) -> None:
    tags = published(model)
    merged = parameters.merge(INPUTS, tags["model_specific_defaults"], {})
    assert merged.values["num_train_epochs"] == 1
    assert merged.values["precision"] == "16"
    assert merged.values["learning_rate"] == 5e-6
    assert list(merged.dropped) == sorted(tags["no_component_inputs"])


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
        ({"train_file_path": "x"}, "training.train_file_path: is set by Droptune"),
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
