from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.app.recipes import parse
from shared.domain import recipe_text
from shared.domain.errors import Rejected
from shared.domain.recipe import Recipe, bytes_of

DOCS = Path(__file__).parents[2] / "docs"


def read(text: str) -> Recipe:
    return parse(text.encode(), "recipes/support.yaml")


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
        parse(b"\xff\xfe\x00", "recipes/support.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cost: {idle_hours: .inf}", "cost.idle_hours"),
        ("cost: {idle_hours: .nan}", "cost.idle_hours: found nan, expected a finite number"),
        ("cost: {grace_hours: 99999999}", "cost.grace_hours: 99999999 is greater than the maximum"),
        ("keep: {prepared_days: 1.0e+9}", "keep.prepared_days"),
        ("training: {a: [1, {b: .inf}]}", "training.a.1.b: found inf, expected a finite number"),
        ("training: {1: 2}", "training.1: found 1 as a key, expected text"),
        ("checks: {101: warn}", "checks.101: found 101 as a key"),
        ("data: {min_rows: 10.0}", "data.min_rows"),
        ("training: {day: 2026-13-45}", "month must be in 1..12"),
        ("training: &a {x: *a}", "holds itself"),
        ("training: " + "[" * 5000 + "]" * 5000, "nested too deep"),
        ("base_model: {name: \x01}", "special characters are not allowed"),
    ],
)
def test_values_that_no_run_could_keep_are_faults_and_no_tracebacks(text: str, said: str) -> None:
    assert said in fault(text)


def test_what_is_read_can_be_kept() -> None:
    """What the ledger writes it must read again: JSON has no infinity, and would keep a null in its place."""
    longest = "cost: {idle_hours: 876000, grace_hours: 876000, ttl_days: 36500, approval_days: 36500}"
    recipe = read(longest)
    assert msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe) == recipe


def test_a_fault_names_the_file_that_was_given_and_a_command_that_finds_it() -> None:
    for text in (b"a: 1", b"data:\n  min_rows: [1}"):
        with pytest.raises(Rejected) as caught:
            parse(text, "/elsewhere/mine.yml")
        assert caught.value.problem.message.startswith("/elsewhere/mine.yml")
        assert caught.value.problem.help.endswith("droptune recipe check /elsewhere/mine.yml")


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
