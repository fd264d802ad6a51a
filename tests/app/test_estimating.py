"""Nothing above its limit is spent before a person says yes; estimates learn from what runs did cost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app import people
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


def test_a_monthly_budget_counts_what_was_spent() -> None:
    life = Life()
    life.storage.recipes.put("support", "serving: {rollout: [100]}\ncost: {monthly_budget_usd: 12}\n")
    name = life.drop()
    life.until(name, "training")
    life.tick(3 * 3600)
    life.train(name)
    life.until(name, "live")
    life.tick()
    second = life.until(life.drop("support/b.jsonl", chats(topic="other")), "awaiting_approval")
    assert "spent this month more than cost.monthly_budget_usd" in second.history[-1].reason
    life.at += timedelta(days=20)  # another month
    life.until(life.drop("support/c.jsonl", chats(topic="third")), "training")
