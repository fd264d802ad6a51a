from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.app.recipes import parse
from shared.domain import recipe_text
from shared.domain.errors import Rejected
from shared.domain.recipe import Recipe, bytes_of

DOCS = Path(__file__).parents[2] / "docs"


def read(text: str) -> Recipe:
    return parse(text.encode(), "support")


def fault(text: str) -> str:
    with pytest.raises(Rejected) as caught:
        read(text)
    assert "droptune recipe check" in caught.value.problem.help
    return caught.value.problem.message


@pytest.mark.parametrize("text", ["", "{}", "# nothing\n"])
def test_an_empty_recipe_is_all_defaults(text: str) -> None:
    assert read(text) == Recipe()


def test_yaml_1_2_rules() -> None:
    recipe = read("training: {learning_rate: 5e-6, note: off, apply_lora: true}")
    assert recipe.training == {"learning_rate": 5e-6, "note": "off", "apply_lora": True}


def test_hours_take_fractions() -> None:
    assert read("cost: {idle_hours: 0.02}").cost.idle_hours == 0.02


def test_every_wrong_field_is_named_with_its_path() -> None:
    said = fault("data: {min_rows: 0}\nserving: {rollout: [10, 200]}\non_new_data: wait")
    for path in ("data.min_rows", "serving.rollout.1", "on_new_data"):
        assert path in said


def test_an_unknown_field_names_the_nearest() -> None:
    assert "cost.idle_hour: unknown field, did you mean 'idle_hours'?" in fault("cost: {idle_hour: 1}")


def test_a_wrong_choice_lists_the_right_ones() -> None:
    assert "approval: found 'maybe', expected one of always, gate, never" in fault("approval: maybe")


def test_text_that_is_no_yaml_names_its_line() -> None:
    assert "line 2" in fault("data:\n  min_rows: [1}\n")


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(Rejected):
        parse(b"\xff\xfe\x00", "support")


def test_an_address_in_notify_is_refused() -> None:
    assert "notify.to.0" in fault("notify: {to: ['https://hooks.example/secret']}")


@pytest.mark.parametrize(
    ("size", "expected"), [("5B", 5), ("1KiB", 1024), ("1.5MiB", 1_572_864), ("2GiB", 2**31)]
)
def test_sizes(size: str, expected: int) -> None:
    assert bytes_of(size) == expected


def test_replace_wants_an_endpoint_that_stays() -> None:
    said = fault("serving: {strategy: replace, endpoint: per_run}")
    assert "serving.strategy: replace is of one endpoint, and serving.endpoint is per_run" in said
    assert read("serving: {strategy: replace}").serving.strategy == "replace"


def test_the_published_schema_is_todays() -> None:
    published = json.loads((DOCS / "recipe.schema.json").read_text("utf-8"))
    assert published == json.loads(json.dumps(recipe_text.schema())), (
        "python3 -m shared.domain.recipe_text > docs/recipe.schema.json"
    )


def test_the_schema_knows_every_field() -> None:
    schema: dict[str, Any] = recipe_text.schema()
    assert "idle_hours" in json.dumps(schema)


def test_idle_action_follows_the_kind_of_endpoint() -> None:
    assert read("").idle_action == "hibernate"
    assert read("serving: {endpoint: per_run}").idle_action == "delete"
    assert read("cost: {idle_action: delete}").idle_action == "delete"


def test_a_missing_recipe_names_the_nearest() -> None:
    problem = recipe_text.missing("suport", ["support", "sales"])
    assert "Did you mean 'support'?" in problem.message
    assert problem.help.endswith("--recipe support")
