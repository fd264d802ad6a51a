"""Nothing above its limit is spent before a person says yes; estimates learn from what runs did cost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app import people, views
from shared.domain.run import State
from tests.app.life import Life, chats

DEAR = "serving: {rollout: [100]}\ncost: {approve_above_usd: 0.5}\n"


def waiting(life: Life) -> str:
    life.storage.recipes.put("support", DEAR)
    name = life.drop()
    return life.until(name, "awaiting_approval").name


def test_a_run_above_its_limit_waits_with_the_estimate_and_the_report() -> None:
    life = Life()
    run = life.run(waiting(life))
    assert run.estimate is not None
    assert run.estimate.usd is not None
    assert run.estimate.tokens > 0
    assert "more than cost.approve_above_usd, $0.50" in run.history[-1].reason
    figures = run.history[-1].figures
    assert tuple(figures["training_usd"]) == run.estimate.usd
    assert figures["serving_usd_a_day"] == pytest.approx(88.15)
    assert run.prepared is not None
    assert life.azureml.count("jobs.submit") == 0


def test_approve_trains() -> None:
    life = Life()
    name = waiting(life)
    people.wish(life.world, name, "approve", "nora")
    life.until(name, "training")
    assert life.run(name).approved_by == "nora"
    life.tick()
    life.train(name)
    assert life.until(name, "live").state is State.LIVE


def test_reject_ends_and_nothing_was_spent() -> None:
    life = Life()
    name = waiting(life)
    people.wish(life.world, name, "reject", "nora", "too dear")
    assert life.until(name, "cancelled").state is State.CANCELLED
    assert life.azureml.count("jobs.submit") == 0
    assert life.azureml.count("endpoints.create") == 0
    assert life.azureml.computes.made == []
    assert life.ledger.lane("support").lane.named() == set()


def test_an_unknown_price_waits_too_and_without_a_limit_nothing_does() -> None:
    life = Life()
    life.azureml.prices.hourly.clear()
    run = life.until(life.drop(), "awaiting_approval")
    assert run.estimate is not None
    assert (run.estimate.usd, run.estimate.serving_usd) == (None, None)
    assert "nobody knows the price" in run.history[-1].reason
    free = Life()
    free.azureml.prices.hourly.clear()
    free.storage.recipes.put("support", "cost: {approve_above_usd: null}\n")
    free.until(free.drop(), "training")


def test_the_estimate_learns_and_the_cost_is_told_beside_it() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick(3 * 3600)
    life.train(name)
    first = life.until(name, "live")
    assert first.estimate is not None
    assert "a table" in first.estimate.basis
    assert first.spent_usd == pytest.approx(3 * 3.673, abs=0.4)
    told = next(change.figures for change in first.history if change.state is State.REGISTERING)
    assert told["training_usd"] == first.spent_usd
    assert told["foretold_usd"] == (first.estimate.usd or (0, 0))[1]
    life.tick()
    second = life.until(life.drop("support/b.jsonl", chats(topic="other")), "training")
    assert second.estimate is not None
    assert second.estimate.basis == "1 earlier runs"
    assert second.estimate.hours is not None
    assert second.estimate.hours[1] == pytest.approx(3, abs=0.2)


def test_what_a_failed_job_took_is_told_too() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick(3 * 3600)
    life.azureml.jobs.fail(life.run(name).job or "")
    told = views.cost(life.until(name, "failed"))
    assert told is not None
    assert told["training_usd"] == pytest.approx(3 * 3.673, abs=0.4)


def test_a_monthly_budget_counts_what_was_spent() -> None:
    life = Life()
    life.storage.recipes.put("support", "serving: {rollout: [100]}\ncost: {monthly_budget_usd: 460}\n")
    name = life.drop()
    life.until(name, "training")
    life.tick(3 * 3600)
    life.train(name)
    life.until(name, "live")
    life.at += timedelta(hours=24)
    second = life.until(life.drop("support/b.jsonl", chats(topic="other")), "awaiting_approval")
    month = second.estimate.month if second.estimate else None
    assert month is not None
    assert month.training_usd == pytest.approx(3 * 3.673, abs=0.4)
    assert month.serving_usd == pytest.approx(24 * 3.673, abs=1)
    assert month.ahead_usd == pytest.approx(96 * 3.673, abs=0.01)
    said = second.history[-1].reason
    assert f"${month.serving_usd:,.2f} to serving" in said
    assert "more than cost.monthly_budget_usd, $460.00" in said
    assert second.history[-1].figures["month_training_usd"] == month.training_usd


def test_a_monthly_budget_counts_what_other_drops_are_about_to_spend() -> None:
    life = Life()
    budget = "{monthly_budget_usd: 356.5, approve_above_usd: null}"  # 96 hours of serving, and two trainings
    life.storage.recipes.put("support", f"serving: {{rollout: [100]}}\ncost: {budget}\n")
    names = [life.drop(f"support/{n}.jsonl", chats(topic=f"topic {n}")) for n in range(4)]
    life.tick()
    states = [life.run(name).state for name in names]
    assert states == [State.TRAINING, State.QUEUED, State.AWAITING_APPROVAL, State.AWAITING_APPROVAL]


def test_another_month_begins_anew_with_what_serves() -> None:
    life = Life()
    life.storage.recipes.put("support", "serving: {rollout: [100]}\ncost: {monthly_budget_usd: 460}\n")
    life.live()
    first_day = (life.at + timedelta(days=32)).replace(day=1, hour=2, minute=0)
    life.at = first_day
    run = life.until(life.drop("support/b.jsonl", chats(topic="other")), "training")
    month = run.estimate.month if run.estimate else None
    assert month is not None
    assert month.training_usd == 0.0
    assert month.serving_usd == pytest.approx(2 * 3.673, abs=1)


def test_a_month_that_nobody_can_price_is_a_person_s_to_decide() -> None:
    life = Life()
    serving = "serving: {rollout: [100], instance_type: Standard_NC48ads_A100_v4}\n"
    life.storage.recipes.put("support", f"{serving}cost: {{monthly_budget_usd: 9999}}\n")
    del life.azureml.prices.hourly["standard_nc48ads_a100_v4"]
    run = life.until(life.drop(), "awaiting_approval")
    assert "serving this model takes an unknown sum" in run.history[-1].reason


def test_low_priority_is_priced_as_such() -> None:
    life = Life()
    life.azureml.prices.low_priority["standard_nc24ads_a100_v4"] = 0.735
    recipe = "serving: {rollout: [100]}\ncompute: {name: serverless, tier: low_priority}\n"
    life.storage.recipes.put("support", recipe)
    run = life.until(life.drop(), "training")
    assert run.estimate is not None
    assert (run.estimate.hourly_usd, run.estimate.serving_usd) == (0.735, 3.673)
