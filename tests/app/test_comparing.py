"""The comparing step: what it is asked to compare, and what its figures lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.app import sets
from shared.app.people import retry
from shared.domain.run import State
from tests.app.life import Life, chats

if TYPE_CHECKING:
    from shared.domain.run import Run
    from shared.ports import CompareStep

COMPARES = "serving: {rollout: [100]}\nevaluation: {compare: true, min_rows: 10}\n"
CHATS = range(1, 25)


def losses(challenger: float, reference: float) -> tuple[dict[int, float], dict[int, float]]:
    """Losses about two means; the chats differ by more than the models do, as chats do."""
    spread = {n: (n % 5) / 10 for n in CHATS}
    wobble = {n: (n % 3 - 1) / 100 for n in CHATS}
    return (
        {n: challenger + spread[n] + wobble[n] for n in CHATS},
        {n: reference + spread[n] for n in CHATS},
    )


def figures(frozen: tuple[float, float], general: tuple[float, float]) -> dict[str, dict[int, float]]:
    (a, b), (c, d) = losses(*frozen), losses(*general)
    return {
        "frozen_challenger": a,
        "frozen_reference": b,
        "general_challenger": c,
        "general_reference": d,
    }


def trained(
    life: Life, path: str, topic: str, compared: dict[str, dict[int, float]] | None, loss: float = 0.5
) -> Run:
    name = life.drop(path, chats(topic=topic))
    life.until(name, "training")
    life.tick()
    life.azureml.jobs.finish(life.run(name).job or "", {"eval_loss": loss}, compared=compared)
    return life.until(name, "live", "failed")


def asked(life: Life, run: Run) -> CompareStep:
    step = life.azureml.jobs.spec(run.job or "").compare
    assert step is not None
    return step


@pytest.fixture
def life() -> Life:
    made = Life()
    made.storage.recipes.put("support", COMPARES)
    return made


@pytest.fixture
def champion(life: Life) -> Run:
    run = trained(life, "support/a.jsonl", "one", figures((0.5, 3.0), (1.0, 1.0)))
    assert run.state is State.LIVE, run.problem
    life.tick()
    return run


def code(run: Run) -> str:
    assert run.state is State.FAILED
    assert run.problem is not None
    return run.problem.code


def test_without_compare_no_step_is_asked_for() -> None:
    life = Life()
    run = trained(life, "support/a.jsonl", "one", None)
    assert life.azureml.jobs.spec(run.job or "").compare is None
    assert life.azureml.count("jobs.compared") == 0


def test_a_first_model_is_compared_with_its_base_and_the_next_with_the_champion(
    life: Life, champion: Run
) -> None:
    step = asked(life, champion)
    assert champion.base_model is not None
    assert step.reference == champion.base_model.id
    assert step.frozen == life.azureml.jobs.spec(champion.job or "").files["validation_file_path"]
    assert step.general is not None
    assert b"".join(life.world.prepared.read(step.general)) == sets.BUNDLED.read_bytes()
    second = trained(life, "support/b.jsonl", "two", figures((0.5, 0.51), (1.0, 1.0)))
    assert second.state is State.LIVE
    model = life.world.models.find(champion.model or "", champion.model_version or "")
    assert asked(life, second).reference == model.id
    reason = next(change.reason for change in second.history if change.state is State.REGISTERING)
    assert f"against the champion {champion.name}: loss 0.70" in reason
    assert "95 % sure between" in reason
    assert "on the general set: loss 1.20" in reason
    found = next(change.figures for change in second.history if change.state is State.REGISTERING)
    assert found["compared_low"] > found["compared_bound"]
    assert found["compared_chats"] == 24
    assert found["general_loss"] < found["general_max_loss"]


def test_one_that_is_not_surely_as_good_as_the_champion_is_stopped(life: Life, champion: Run) -> None:
    # The loss that training shows is fine; chat by chat it is not.
    worse = trained(life, "support/b.jsonl", "two", figures((0.55, 0.5), (1.0, 1.0)))
    assert code(worse) == "gate-compared"
    assert worse.problem is not None
    assert f"not surely as good as the champion {champion.name}" in worse.problem.message
    assert "expected the lower end above -0.01" in worse.problem.message
    found = worse.history[-1].figures
    assert found["compared_low"] <= found["compared_bound"] < 0
    assert (worse.model, worse.endpoint) == (None, None)
    assert life.run(champion.name).state is State.LIVE


def test_one_that_forgot_the_general_set_is_stopped_however_well_it_learned(
    life: Life, champion: Run
) -> None:
    forgot = trained(life, "support/b.jsonl", "two", figures((0.003, 0.5), (2.5, 1.0)), loss=0.003)
    assert code(forgot) == "gate-forgot"
    assert forgot.problem is not None
    assert f"forgot what the champion {champion.name} knew" in forgot.problem.message
    assert "evaluation.max_forgetting (0.1)" in forgot.problem.message
    assert "Mix general chats into the rows" in forgot.problem.help
    found = forgot.history[-1].figures
    assert found["general_loss"] > found["general_max_loss"]
    assert found["general_high"] < 0
    assert (forgot.model, forgot.endpoint) == (None, None)


def test_a_first_model_that_forgot_what_its_base_knew_is_stopped_too(life: Life) -> None:
    run = trained(life, "support/a.jsonl", "one", figures((0.003, 5.0), (3.0, 1.0)))
    assert code(run) == "gate-forgot"
    assert run.problem is not None
    assert "forgot what the base model knew" in run.problem.message


def test_a_little_is_lost_in_every_tuning_and_stops_nothing(life: Life, champion: Run) -> None:
    assert champion.state is State.LIVE
    run = trained(life, "support/b.jsonl", "two", figures((0.5, 0.51), (1.05, 1.0)))
    assert run.state is State.LIVE


def test_a_first_model_must_surely_be_better_than_its_base(life: Life) -> None:
    run = trained(life, "support/a.jsonl", "one", figures((0.5, 0.5), (1.0, 1.0)))
    assert code(run) == "gate-compared"
    assert run.problem is not None
    assert "not surely as good as the base model" in run.problem.message
    assert "expected the lower end above 0" in run.problem.message


def test_a_step_that_left_no_figures_lets_nothing_pass(life: Life) -> None:
    run = trained(life, "support/a.jsonl", "one", {})
    assert code(run) == "gate-not-compared"
    assert run.problem is not None
    assert "logged no comparison with the base model" in run.problem.message


def test_too_few_chats_are_told_and_stop_nothing(life: Life, champion: Run) -> None:
    assert champion.state is State.LIVE
    few = {
        name: {n: loss for n, loss in found.items() if n <= 5}
        for name, found in figures((2.0, 0.5), (9.0, 1.0)).items()
    }
    run = trained(life, "support/b.jsonl", "two", few)
    assert run.state is State.LIVE
    reason = next(change.reason for change in run.history if change.state is State.REGISTERING)
    assert "too few to judge by: evaluation.min_rows 10" in reason


def test_another_try_is_compared_anew(life: Life) -> None:
    run = trained(life, "support/a.jsonl", "one", figures((0.5, 0.5), (1.0, 1.0)))
    retry(life.world, run.name, "ann")
    again = life.run(run.name)
    assert (again.compared, again.evaluation) == (None, None)
    life.until(run.name, "training")
    life.tick()
    job = life.run(run.name).job or ""
    life.azureml.jobs.finish(job, {"eval_loss": 0.5}, compared=figures((0.4, 0.5), (1.0, 1.0)))
    assert life.until(run.name, "live", "failed").state is State.LIVE


def test_no_general_set_where_the_recipe_names_none(life: Life) -> None:
    life.storage.recipes.put("support", COMPARES.replace("min_rows: 10", "min_rows: 10, general: null"))
    run = trained(life, "support/a.jsonl", "one", figures((0.3, 0.5), (1.0, 1.0)))
    assert asked(life, run).general is None


def test_a_general_set_of_the_owners_own(life: Life) -> None:
    own = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    text = COMPARES.replace("min_rows: 10", "min_rows: 10, general: sets/own.jsonl")
    life.storage.recipes.put("support", text)
    life.storage.recipes.box.write("sets/own.jsonl", own)
    run = trained(life, "support/a.jsonl", "one", figures((0.3, 0.5), (1.0, 1.0)))
    assert b"".join(life.world.prepared.read(asked(life, run).general or "")) == own
