"""Whatever a registry or a recipe says, the pure core answers with findings and never with a crash."""

from __future__ import annotations

import json
import math
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain import causes, parameters, preflight
from shared.domain.base_model import Catalogue, catalogue
from shared.domain.errors import Rejected
from shared.domain.recipe import Recipe
from tests.domain.builders import NOON
from tests.domain.test_preflight import SURVEY, model, validated

DATA = Path(__file__).parent.parent / "data" / "models"
INPUTS: dict[str, Any] = json.loads((DATA / "chat_completion_pipeline.json").read_text())["inputs"]

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(sorted(INPUTS)) | st.text(max_size=20)
LAYER = st.dictionaries(KEYS, PLAIN, max_size=5)


@given(LAYER, LAYER)
@example({"learning_rate": "1e400"}, {"num_train_epochs": 10**400})
def test_what_is_sent_is_of_the_inputs_types_or_refused(
    defaults: dict[str, Any], written: dict[str, Any]
) -> None:
    try:
        merged = parameters.merge(INPUTS, defaults, written)
    except Rejected:
        return
    for key, value in merged.values.items():
        spec = INPUTS[key]
        allowed = [str(option) for option in spec.get("enum", ())]
        assert not allowed or str(value) in allowed
        if spec["type"] == "integer":
            assert type(value) is int
        if spec["type"] == "number":
            assert isinstance(value, (int, float))
            assert math.isfinite(value)
    assert not {*merged.dropped} - {*defaults}


@given(st.dictionaries(st.sampled_from(["isArchived", "systemMetadata", "tags", "properties"]), PLAIN))
def test_any_record_of_a_registry_can_be_read(raw: dict[str, Any]) -> None:
    assert isinstance(catalogue(raw), Catalogue)


METADATA = {
    "deprecation": st.dictionaries(st.just("finetuneRetirementDate"), PLAIN),
    "supportedComputes": st.dictionaries(st.just("finetuneComputes"), PLAIN),
    "tasks": st.dictionaries(st.just("fineTuningTasks"), PLAIN),
}
TAGS = st.sampled_from(["finetune_compute_allow_list", "finetuneRetirementDate"])
NESTED = st.fixed_dictionaries(
    {
        "systemMetadata": st.fixed_dictionaries({}, optional=METADATA),
        "tags": st.dictionaries(TAGS, PLAIN),
    }
)


@given(NESTED, st.dictionaries(KEYS, PLAIN, max_size=3))
def test_any_model_and_any_training_section_have_their_findings(
    raw: dict[str, Any], training: dict[str, Any]
) -> None:
    recipe = Recipe(training=training)
    the_run = validated(recipe, model(catalogue(raw)))
    found = preflight.check(the_run, recipe, SURVEY, NOON)
    assert all(one.message and one.code for one in found)
    assert all("droptune " in one.help for one in found if one.severity == "error")
    nothing_known = replaced(SURVEY, sizes=None, usages=None, endpoints=None, deployments=None)
    assert {one.code for one in preflight.check(the_run, recipe, nothing_known, NOON)} >= {"sizes-unknown"}


@given(st.none() | st.text(max_size=200), st.text(max_size=200), st.none() | st.text(max_size=20))
@example("quota " * 200, "exceeds " * 400, None)
def test_any_words_have_a_cause(error: str | None, log: str, step: str | None) -> None:
    assert causes.of(error, log, step) in (*causes.ORDER, causes.UNKNOWN)
