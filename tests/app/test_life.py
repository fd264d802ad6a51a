"""Whole lives of runs on fakes: what is made, what is kept, what is taken away."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.app import rollback as rolling_back
from shared.app.advance import advance
from shared.app.people import retry, wish
from shared.app.rollback import rollback
from shared.domain.errors import Busy, Permanent, Transient
from shared.domain.run import State
from shared.domain.sweep_holder import holder
from shared.domain.tags import SPEC
from shared.domain.timing import Timing
from tests.app.life import Life, chats

if TYPE_CHECKING:
    from shared.domain.run import Run
    from shared.ports import Endpoint


def states(run: Run) -> list[str]:
    return [str(change.state) for change in run.history]


def test_a_drop_becomes_live() -> None:
    life = Life()
    run = life.live()
    assert states(run) == (
        [
            "received",
            "validating",
            "queued",
            "training",
            "registering",
            "deploying",
            "testing",
            "promoting",
            "live",
        ]
    )
    assert life.azureml.jobs.names == [f"{run.name}-a1"]
    assert [v.tags["droptune-run"] for v in life.azureml.models.versions] == [run.name]
    endpoint = life.azureml.endpoints.find(run.endpoint or "")
    assert endpoint.traffic == {run.deployment: 100}
    lane = life.ledger.lane("support").lane
    assert lane.champion is not None
    assert lane.champion.place.run == run.name
    assert (lane.training, lane.deploying) == ((), None)


def test_a_run_that_has_ended_leaves_no_marker_and_no_claim() -> None:
    life = Life()
    run = life.live()
    assert list(life.world.ledger.names("active/")) == []
    assert (run.claim, run.due) == (None, None)


def test_the_job_gets_all_three_files_and_the_models_own_defaults() -> None:
    life = Life()
    name = life.drop()
    run = life.until(name, "training")
    life.tick()
    spec = life.azureml.jobs.spec(run.job or "")
    assert set(spec.files) == {"train_file_path", "validation_file_path", "test_file_path"}
    assert run.prepared is not None
    assert all(path.startswith(run.prepared.folder) for path in spec.files.values())
    assert spec.tags["droptune-run"] == name


def test_a_doubled_hint_changes_nothing() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    before, calls = life.run(name), life.azureml.count("jobs.submit")
    advance(life.world, life.timing, name)
    advance(life.world, life.timing, name)
    assert life.azureml.count("jobs.submit") == calls
    assert states(life.run(name)) == states(before)


def test_a_stale_wake_ends_without_a_look() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    before = life.run(name)
    advance(life.world, life.timing, name, wake=before.wake - 1)
    assert life.run(name) == before


def test_bad_data_is_rejected_and_makes_nothing() -> None:
    life = Life()
    lines = chats().splitlines(keepends=True)
    lines[2], lines[6] = b"oops\n", b"[]\n"
    run = life.run(life.drop(data=b"".join(lines)))
    assert run.state is State.REJECTED
    assert run.problem is not None
    assert "lines 3, 7" in run.problem.message
    assert life.azureml.jobs.names == []


def test_an_overwritten_source_supersedes_the_run() -> None:
    life = Life()
    life.storage.drops.put("support/a.jsonl", chats(), {})
    from shared.app.receive import receive

    name = receive(life.world, "support/a.jsonl")
    assert name is not None
    life.at = life.at.replace(minute=1)
    life.storage.drops.put("support/a.jsonl", chats(41), {})
    advance(life.world, life.timing, name)
    assert life.run(name).state is State.SUPERSEDED


def test_the_same_again_is_unchanged_and_retrain_is_not() -> None:
    life = Life()
    first = life.live()
    life.tick()
    again = life.run(life.drop("support/b.jsonl"))
    assert again.state is State.UNCHANGED
    assert again.same_as == first.name
    life.tick()
    once_more = life.drop("support/c.jsonl", None, retrain="true")
    assert life.until(once_more, "training").state is State.TRAINING


def test_a_failed_holder_does_not_keep_the_same_data_out() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.azureml.jobs.fail(f"{name}-a1")
    assert life.until(name, "failed").problem is not None
    again = life.drop("support/b.jsonl")
    assert life.until(again, "training").state is State.TRAINING


def test_a_failed_job_frees_the_slot_and_can_be_tried_again() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.azureml.jobs.fail(f"{name}-a1", "UserError: out of memory", log="CUDA out of memory")
    run = life.until(name, "failed")
    assert run.problem is not None
    assert "out of memory" in run.problem.message
    assert run.problem.help.endswith(f"droptune retry {name}")
    assert life.ledger.lane("support").lane.training == ()
    retry(life.world, name, "ann")
    life.until(name, "training")
    life.tick()
    assert life.azureml.jobs.names == [f"{name}-a1", f"{name}-a2"]
    life.azureml.jobs.finish(f"{name}-a2", {"eval_loss": 1})
    assert life.until(name, "live").state is State.LIVE


def test_a_retried_runs_job_has_its_own_time_to_run() -> None:
    life = Life()
    life.storage.recipes.put("support", "cost: {max_job_hours: 1}\nserving: {rollout: [100]}\n")
    name = life.drop()
    life.until(name, "training")
    life.at += timedelta(hours=1)
    run = life.until(name, "failed")
    assert run.problem is not None
    assert run.problem.code == "job-overran"
    assert life.azureml.jobs.find(f"{name}-a1").over
    life.at += timedelta(hours=5)
    retry(life.world, name, "ann")
    life.until(name, "training")
    life.tick()
    life.train(name)
    assert life.until(name, "live").job == f"{name}-a2"


def test_only_a_failed_run_can_be_tried_again() -> None:
    life = Life()
    with pytest.raises(Permanent, match="only a failed one"):
        retry(life.world, life.live().name, "ann")


def test_a_cancelled_run_ends_its_job() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    wish(life.world, name, "cancel", "ann")
    run = life.until(name, "cancelled")
    assert life.azureml.jobs.find(f"{name}-a1").over
    assert run.history[-1].by == "ann"


def test_a_failed_deployment_is_taken_away() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.azureml.endpoints.hold(life.run(name).name)
    life.train(name)
    _fail_deployment(life, name)
    run = life.until(name, "failed")
    assert run.problem is not None
    assert "no GPU left" in run.problem.message
    assert life.azureml.endpoints.deployments(run.endpoint or "") == []
    assert life.ledger.lane("support").lane.deploying is None


def _fail_deployment(life: Life, name: str) -> None:
    from shared.domain.names import deployment

    life.azureml.endpoints.hold(deployment(name))
    for _ in range(20):
        life.tick()
        run = life.run(name)
        if run.endpoint and life.azureml.endpoints.there(run.endpoint, deployment(name)):
            life.azureml.endpoints.fail(run.endpoint, deployment(name), log="no GPU left")
            return
    raise AssertionError("no deployment was made")


def test_transient_faults_are_tried_again_and_counted() -> None:
    life = Life()
    life.azureml.fail_next("jobs.submit", Transient("azureml-unavailable", "away"), times=3)
    name = life.drop()
    assert life.until(name, "training").state is State.TRAINING
    for _ in range(5):
        life.tick()
    assert life.azureml.jobs.names == [f"{name}-a1"]


def test_a_submit_whose_answer_was_lost_makes_one_job() -> None:
    life = Life()
    life.azureml.fail_next("jobs.submit", Transient("azureml-unavailable", "away"), after=True)
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.tick()
    assert life.azureml.jobs.names == [f"{name}-a1"]


def test_what_never_mends_fails_the_run_with_how_often_it_was_tried() -> None:
    life = Life()
    life.azureml.fail_next("jobs.submit", Transient("azureml-unavailable", "Azure ML is away."), times=1000)
    run = life.until(life.drop(), "failed", ticks=600)
    assert run.problem is not None
    assert "Tried 41 times" in run.problem.message


def test_newer_data_waits_for_its_turn_then_takes_the_traffic() -> None:
    life = Life()
    first = life.drop("support/a.jsonl", chats(topic="one"))
    life.until(first, "training")
    life.tick()
    second = life.drop("support/b.jsonl", chats(topic="two"))
    assert life.run(second).state is State.QUEUED
    life.train(first)
    life.until(first, "live")
    life.until(second, "training")
    life.tick()
    life.train(second)
    new = life.until(second, "live")
    assert life.run(first).state is State.SUPERSEDED
    assert life.azureml.endpoints.find(new.endpoint or "").traffic == {new.deployment: 100}


def test_an_older_drop_that_ends_later_never_takes_the_traffic() -> None:
    life = Life()
    life.storage.recipes.put("support", "on_new_data: parallel\nserving: {rollout: [100]}\n")
    old = life.drop("support/a.jsonl", chats(topic="one"))
    life.tick()
    new = life.drop("support/b.jsonl", chats(topic="two"))
    life.until(new, "training")
    life.tick()
    life.train(new)
    life.until(new, "live")
    life.train(old)
    assert life.until(old, "superseded").state is State.SUPERSEDED
    assert life.run(new).state is State.LIVE


def test_replace_ends_the_older_run() -> None:
    life = Life()
    life.storage.recipes.put("support", "on_new_data: replace\nserving: {rollout: [100]}\n")
    old = life.drop("support/a.jsonl", chats(topic="one"))
    life.until(old, "training")
    life.tick()
    new = life.drop("support/b.jsonl", chats(topic="two"))
    life.until(old, "superseded")
    assert life.azureml.jobs.find(f"{old}-a1").over
    assert life.until(new, "training").state is State.TRAINING


def test_a_job_whose_answer_was_lost_is_taken_up_though_azure_has_a_newer_component(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    life = Life()
    life.azureml.fail_next("jobs.submit", Transient("azureml-unavailable", "away"), after=True)
    name = life.drop()
    made, inputs = life.world.models.component("chat_completion_pipeline", "azureml")
    newer = made.replace("0.0.82", "0.0.83")
    monkeypatch.setattr(life.world.models, "component", lambda _name, _registry: (newer, inputs))
    life.until(name, "training")
    life.tick()
    life.train(name)
    run = life.until(name, "live")
    assert run.job_spec == life.azureml.jobs.find(f"{name}-a1").tags[SPEC]
    assert run.job_attempt == 1


def test_rollback_swaps_champion_and_previous() -> None:
    life = Life()
    first = life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    second = life.live("support/b.jsonl", chats(topic="two"))
    back = rollback(life.world, life.timing, "support", "ann")
    assert back.deployment == first.deployment
    assert life.azureml.endpoints.find(first.endpoint or "").traffic == {first.deployment: 100}
    assert (life.run(first.name).state, life.run(second.name).state) == (State.LIVE, State.SUPERSEDED)
    assert life.ledger.lane("support").lane.deploying is None


def test_rollback_is_one_update_and_outlives_a_look_that_fails() -> None:
    life = Life(timing=Timing(poll=0.001))
    first = life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    life.live("support/b.jsonl", chats(topic="two"))
    life.azureml.fail_next("endpoints.find", Transient("azureml-unavailable", "away"), times=2)
    moves = life.azureml.count("set_traffic")
    assert rollback(life.world, life.timing, "support", "ann").deployment == first.deployment
    assert life.azureml.count("set_traffic") == moves + 1
    champion = life.ledger.lane("support").lane.champion
    assert champion is not None
    assert champion.deployment == first.deployment


def test_rollback_gives_up_in_its_time_however_slow_each_look_is(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(timing=Timing(poll=0.001))
    life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    endpoint = life.live("support/b.jsonl", chats(topic="two")).endpoint or ""
    life.azureml.endpoints.hold(endpoint)
    find, looks = life.world.endpoints.find, list[str]()

    def slow(name: str) -> Endpoint:
        looks.append(name)
        time.sleep(0.05)
        return find(name)

    monkeypatch.setattr(life.world.endpoints, "find", slow)
    monkeypatch.setattr(rolling_back, "MOST_SECONDS", 0.2)
    with pytest.raises(Transient, match="did not arrive"):
        rollback(life.world, life.timing, "support", "ann")
    assert len(looks) <= 4


def test_rollback_waits_for_a_run_that_is_being_deployed() -> None:
    from shared.domain.names import deployment

    life = Life()
    life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    name = life.drop("support/b.jsonl", chats(topic="two"))
    life.until(name, "training")
    life.tick()
    life.train(name)
    life.azureml.endpoints.hold(deployment(name))
    life.until(name, "deploying")
    life.tick()
    with pytest.raises(Busy, match="being deployed"):
        rollback(life.world, life.timing, "support", "ann")
    assert life.ledger.lane("support").lane.deploying == name


def test_rollback_waits_for_a_sweep_and_names_no_run_to_cancel() -> None:
    from msgspec.structs import replace

    life = Life()
    life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    life.live("support/b.jsonl", chats(topic="two"))
    held = life.ledger.lane("support")
    life.ledger.save_lane(held, replace(held.lane, deploying=holder(life.at, "other")))
    with pytest.raises(Busy) as busy:
        rollback(life.world, life.timing, "support", "ann")
    assert "droptune cancel" not in busy.value.problem.help
    assert busy.value.problem.help.endswith("droptune rollback support")


def test_a_slot_of_a_run_that_is_gone_holds_nobody_up() -> None:
    from msgspec.structs import replace

    life = Life()
    life.live("support/a.jsonl", chats(topic="one"))
    life.tick()
    life.live("support/b.jsonl", chats(topic="two"))
    held = life.ledger.lane("support")
    life.ledger.save_lane(held, replace(held.lane, deploying="support-20261124130000-aaaaaaaa"))
    assert rollback(life.world, life.timing, "support", "ann").deployment
    assert life.ledger.lane("support").lane.deploying is None


def test_rollback_without_a_previous_says_so() -> None:
    life = Life()
    life.live()
    with pytest.raises(Permanent, match="no previous deployment"):
        rollback(life.world, life.timing, "support", "ann")


def test_approval_is_asked_for_before_training_and_before_serving() -> None:
    life = Life()
    life.storage.recipes.put("support", "approval: always\nserving: {rollout: [100]}\n")
    name = life.drop()
    assert life.run(name).state is State.AWAITING_APPROVAL
    assert life.azureml.jobs.names == []
    wish(life.world, name, "approve", "ann")
    life.until(name, "training")
    life.tick()
    life.train(name)
    life.until(name, "awaiting_approval")
    wish(life.world, name, "approve", "bob")
    run = life.until(name, "live")
    assert [change.by for change in run.history if change.by != "droptune"] == ["ann", "bob"]


def test_a_wrong_answer_keeps_the_challenger_from_traffic() -> None:
    life = Life()
    life.storage.recipes.put("support", "evaluation: {prompts: [{ask: Open?, must: [nine o'clock]}]}\n")
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.train(name)
    run = life.until(name, "failed")
    assert run.problem is not None
    assert run.problem.code == "smoke-failed"
    assert life.azureml.endpoints.deployments(run.endpoint or "") == []


def test_an_answer_that_is_empty_by_chance_is_asked_for_again() -> None:
    life = Life()
    answers = iter(["", "  "])
    life.azureml.endpoints.answer = lambda _deployment, _messages: next(answers, "At nine.")
    smoke = life.live().smoke
    assert smoke is not None
    assert [answer.passed for answer in smoke if not answer.general] == [True]


def test_a_model_that_says_nothing_gets_no_traffic() -> None:
    life = Life()
    life.azureml.endpoints.answer = lambda _deployment, _messages: ""
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.train(name)
    run = life.until(name, "failed")
    assert "3 empty answers" in run.reason


@pytest.mark.parametrize(
    "broken", ["cost: {idle_hours: .inf}", "training: {day: 2026-13-45}", "checks: {1: warn}"]
)
def test_a_recipe_that_no_run_could_keep_rejects_the_drop_with_its_reason(broken: str) -> None:
    life = Life()
    life.storage.recipes.put("support", broken)
    run = life.run(life.drop())
    assert run.state is State.REJECTED
    assert run.problem is not None
    assert run.problem.code == "recipe-invalid"
