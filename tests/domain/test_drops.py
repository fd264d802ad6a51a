from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import names
from shared.domain.drops import Drop, place
from tests.domain.builders import NOON


def test_a_file_in_a_recipes_folder_is_a_drop() -> None:
    found = place("support/monday.jsonl")
    assert found.is_drop
    assert found.problem is None


@pytest.mark.parametrize("path", ["support/big/train.jsonl", "support/big/test.jsonl"])
def test_a_member_of_a_folder_waits(path: str) -> None:
    assert not place(path).is_drop


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("loose.jsonl", "outside any recipe's folder"),
        ("a/b/c/d.jsonl", "too deep"),
        ("a/b.csv", "unknown ending"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(path: str, said: str) -> None:
    problem = place(path).problem
    assert problem is not None
    assert said in problem.message
    assert "droptune drop" in problem.help


@pytest.mark.parametrize("path", ["support/big/_SUCCESS", "support/big.jsonl/_SUCCESS"])
def test_the_mark_of_a_folder_sets_the_folder_off(path: str) -> None:
    assert place(path).drop == path.removesuffix("_SUCCESS")
    assert place(path).problem is None


@given(st.text(min_size=1, max_size=200))
def test_any_path_has_a_place_and_a_run_with_a_sound_name(path: str) -> None:
    found = place(path)
    assert found.drop is None or path.startswith(found.drop.removesuffix("/"))
    run = Drop(path, "0x1", NOON, 1).run
    assert names.run_of_job(names.job(run, 1)) == run
