from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import names
from shared.domain.sweep_holder import holder, is_sweep

AT = datetime(2026, 11, 24, 9, 8, 7, tzinfo=UTC)
recipes = st.from_regex(names.RECIPE, fullmatch=True).filter(names.is_recipe)


@pytest.mark.parametrize("name", ["a", "phi-4-chat", "a" * 40])
def test_a_recipe_name_is_kebab_case(name: str) -> None:
    assert names.is_recipe(name)


@pytest.mark.parametrize("name", ["", "A", "4phi", "a--b", "-a", "a-", "a_b", "a" * 41, "a\n", "ä"])
def test_what_is_no_recipe_name(name: str) -> None:
    assert not names.is_recipe(name)


def test_a_run_is_named_by_recipe_time_and_content() -> None:
    assert re.fullmatch(
        r"support-20261124090807-[0-9a-f]{8}", names.run("support", AT, "support/a.jsonl", "0x1")
    )


def test_quotes_around_an_etag_change_nothing() -> None:
    assert names.run("a", AT, "a/b.jsonl", '"0x1"') == names.run("a", AT, "a/b.jsonl", "0x1")


def test_another_etag_is_another_run() -> None:
    assert names.run("a", AT, "a/b.jsonl", "0x1") != names.run("a", AT, "a/b.jsonl", "0x2")


@given(recipes, st.integers(1, 99))
def test_a_job_leads_back_to_its_run(recipe: str, attempt: int) -> None:
    run = names.run(recipe, AT, f"{recipe}/a.jsonl", "0x1")
    assert names.run_of_job(names.job(run, attempt)) == run


@pytest.mark.parametrize("name", ["", "happy_road_abc", "a-b", "a-20261124090807-12345678", "../x-a1"])
def test_a_foreign_job_leads_nowhere(name: str) -> None:
    assert names.run_of_job(name) is None


@given(recipes | st.integers(0).map(lambda n: f"sweep-{n}").filter(names.is_recipe))
def test_no_run_is_taken_for_a_sweep_whatever_its_recipe_is_called(recipe: str) -> None:
    assert not is_sweep(names.run(recipe, AT, f"{recipe}/a.jsonl", "0x1"))
    assert is_sweep(holder(AT, "0" * 32))


@given(recipes, st.integers(1, names.LARGEST_GENERATION))
def test_endpoints_and_deployments_have_names_azure_takes(recipe: str, generation: int) -> None:
    run = names.run(recipe, AT, f"{recipe}/a.jsonl", "0x1")
    made = (
        names.endpoint("/subscriptions/s", recipe, generation),
        names.endpoint_of_run(recipe, AT, run),
        names.deployment(run),
    )
    for name in made:
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
        assert 3 <= len(name) <= 32
        assert "--" not in name


def test_a_version_comes_after_the_last_one() -> None:
    epoch = int(AT.timestamp())
    assert names.version(AT, 0) == epoch
    assert names.version(AT, epoch) == epoch + 1


def test_a_model_name_has_no_slash() -> None:
    assert names.model("org/Phi", "support") == "org-Phi-support"
