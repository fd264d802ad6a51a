"""What a run will cost is told with its range, and who must approve it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import cost
from shared.domain.cost import Load
from shared.domain.recipe import Cost
from tests.domain.builders import estimate

A100 = "Standard_NC24ads_A100_v4"


def load(tokens: int = 10_000_000, model: str = "Phi-4", size: str = A100, nodes: int = 1) -> Load:
    return Load(model, tokens, 3, nodes, size, 1)


def test_the_table_speaks_where_no_run_has_yet() -> None:
    found, basis = cost.hours(load(), [])
    assert found is not None
    low, usual, high = found
    # 30 million tokens, six operations each for 14.7 billion parameters, at 30 % of 312 teraflops.
    assert usual == pytest.approx(30e6 * 6 * 14.7e9 / (0.3 * 312e12) / 3600 + 0.4, abs=0.01)
    assert low < usual < high
    assert "a table" in basis


@pytest.mark.parametrize(
    ("asked", "what"),
    [(load(model="Mystery"), "the model's size"), (load(size="Standard_D12_v2"), "the machine's cards")],
)
def test_what_nobody_knows_is_unknown(asked: Load, what: str) -> None:
    found, basis = cost.hours(asked, [])
    assert found is None
    assert what in basis


def test_a_model_that_names_its_parameters_is_known() -> None:
    assert cost.hours(load(model="Some-Chat-7B-v2"), [])[0] is not None


def test_earlier_runs_count_more_than_the_table() -> None:
    found, basis = cost.hours(load(), [1e6, 2e6, 4e6])
    assert found is not None
    assert found[1] == pytest.approx(30e6 / 2e6 + 0.4)
    assert basis == "3 earlier runs"
    few, _ = cost.hours(load(), [2e6])
    assert few is not None
    assert few[2] - few[0] > 15.0


@given(st.integers(10**5, 10**9), st.floats(0.6, 300), st.integers(1, 8))
def test_what_was_learned_foretells_the_run_it_was_learned_from(tokens: int, took: float, nodes: int) -> None:
    asked = load(tokens, nodes=nodes)
    found, _ = cost.hours(asked, [cost.rate(asked, took)])
    assert found is not None
    assert found[0] <= found[1] <= found[2]
    assert found[1] == pytest.approx(took, rel=0.1, abs=0.05)


def test_no_job_costs_more_than_its_longest_time() -> None:
    assert cost.dollars((1.0, 5.0, 30.0), 4.0, 12.0) == (4.0, 20.0, 48.0)
    assert cost.dollars(None, 4.0, 12.0) is None
    assert cost.dollars((1.0, 5.0, 30.0), None, 12.0) is None


@pytest.mark.parametrize(
    ("usd", "limits", "said"),
    [
        (4.0, Cost(), None),
        (50.0, Cost(), None),
        (51.0, Cost(), "more than cost.approve_above_usd, $50.00"),
        (None, Cost(), "unknown"),
        (None, Cost(approve_above_usd=None), None),
        (1000.0, Cost(approve_above_usd=None), None),
        (4.0, Cost(monthly_budget_usd=3), "more than cost.monthly_budget_usd, $3.00"),
        (4.0, Cost(monthly_budget_usd=4), None),
        (4.0, Cost(approve_above_usd=0), "more than cost.approve_above_usd, $0.00"),
    ],
)
def test_who_must_approve(usd: float | None, limits: Cost, said: str | None) -> None:
    found = cost.objection(estimate(usd), limits)
    assert (found is None) == (said is None)
    assert said is None or said in str(found)


def test_the_figures_tell_of_serving_too() -> None:
    told = cost.figures(estimate(), Cost(idle_hours=72, grace_hours=24))
    assert told["serving_usd_a_day"] == pytest.approx(88.15)
    assert told["serving_usd_if_nobody_asks"] == pytest.approx(352.61)
