from __future__ import annotations

from dataclasses import replace as replaced
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from shared.domain import actions as a
from shared.domain import lane as lanes
from shared.domain.errors import Problem
from shared.domain.facts import DeploymentFacts, EndpointFacts, JobFacts
from shared.domain.lane import Evaluated, Lane, Place
from shared.domain.lifecycle import STEPS, decide
from shared.domain.recipe import Compute, Cost, Evaluation, Fact, Recipe, Serving
from shared.domain.rollout import Split
from shared.domain.run import ENDS, Run, State, Wish
from shared.domain.smoke import Answer
from shared.domain.survey import Cluster, Finding
from tests.domain.builders import NOON, base_model, champion, drop, estimate, facts, prepared, run

if TYPE_CHECKING:
    from shared.domain.facts import Facts

CLUSTER = Cluster("gpu-cluster", "Standard_NC24ads_A100_v4", "succeeded", 2)
ROWS = Evaluated("frozen/support/d.jsonl", "d" * 32, "another")
READY = EndpointFacts("succeeded", ours=True, traffic={})


def next_action(the_run: Run, seen: Facts, *, hours: float = 0) -> a.Action:
    return decide(the_run, seen, the_run.recipe, NOON + timedelta(hours=hours))


def moves_to(action: a.Action, state: State) -> bool:
    return isinstance(action, a.Move) and action.state is state


def closes(action: a.Action, state: State, code: str | None = None) -> bool:
    found = action.problem.code if isinstance(action, a.Close) and action.problem else None
    return isinstance(action, a.Close) and action.state is state and found == code


def test_every_state_on_its_way_has_a_step() -> None:
    assert set(STEPS) | ENDS | {State.RECEIVED} == set(State)


# ---- intake


def test_a_drop_that_cannot_be_read_is_rejected() -> None:
    problem = Problem("recipe-missing", "No recipe.", "droptune drop")
    assert closes(next_action(run(problem=problem, recipe=None), facts()), State.REJECTED, "recipe-missing")


@pytest.mark.parametrize("source", ["gone", "changed"])
@pytest.mark.parametrize("state", [State.RECEIVED, State.VALIDATING])
def test_a_source_that_is_another_now_supersedes_the_run(source: str, state: State) -> None:
    assert closes(next_action(run(state), facts(source=source)), State.SUPERSEDED)


def test_validation_goes_step_by_step() -> None:
    the_run = run(State.VALIDATING)
    assert next_action(the_run, facts()) == a.Prepare()
    the_run = replace(the_run, prepared=prepared())
    assert next_action(the_run, facts()) == a.ResolveModel()
    the_run = replace(the_run, base_model=base_model())
    assert next_action(the_run, facts()) == a.ClaimSame()
    the_run = replace(the_run, same_key="k")
    assert next_action(the_run, facts()) == a.Preflight()
    stopped = replace(the_run, preflight=(Finding("size-retired", "error", "Gone.", "Mend it."),))
    assert closes(next_action(stopped, facts()), State.FAILED, "size-retired")
    the_run = replace(the_run, preflight=(Finding("quota-unknown", "warning", "Who knows."),))
    assert next_action(the_run, facts()) == a.Estimate()
    the_run = replace(the_run, estimate=estimate())
    assert moves_to(next_action(the_run, facts()), State.QUEUED)
    assert closes(next_action(replace(the_run, same_as="another"), facts()), State.UNCHANGED)


def test_bad_data_is_rejected_with_its_lines_and_the_next_command() -> None:
    findings = tuple({"severity": "error", "line": line, "code": "DT101"} for line in (3, 7))
    action = next_action(run(State.VALIDATING, prepared=prepared("rejected", findings)), facts())
    assert closes(action, State.REJECTED, "data-rejected")
    assert isinstance(action, a.Close)
    assert action.problem is not None
    assert "lines 3, 7" in action.problem.message
    assert action.problem.help.endswith("droptune drop FILE --recipe support")


def test_approval_always_waits_before_training() -> None:
    done: dict[str, Any] = {
        "prepared": prepared(),
        "base_model": base_model(),
        "same_key": "k",
        "preflight": (),
        "estimate": estimate(),
    }
    the_run = run(State.VALIDATING, Recipe(approval="always"), **done)
    assert moves_to(next_action(the_run, facts()), State.AWAITING_APPROVAL)


def test_nobody_trains_without_the_approval_asked_for() -> None:
    waiting = run(State.AWAITING_APPROVAL, Recipe(approval="always"))
    assert isinstance(next_action(waiting, facts()), a.Wait)
    approved = replace(waiting, wishes=(Wish("approve", "ann", NOON),))
    action = next_action(approved, facts())
    assert moves_to(action, State.QUEUED)
    assert isinstance(action, a.Move)
    assert (action.by, action.consume) == ("ann", "approve")
    assert closes(
        next_action(replace(waiting, wishes=(Wish("reject", "ann", NOON),)), facts()), State.CANCELLED
    )
    assert closes(next_action(waiting, facts(), hours=24 * 7), State.CANCELLED)


# ---- the training slot


def test_a_free_lane_is_entered_then_trained_in() -> None:
    the_run = run(State.QUEUED)
    assert next_action(the_run, facts()) == a.EnterTraining()
    lane = lanes.enter_training(Lane(recipe="support"), the_run.place, parallel=False)
    action = next_action(the_run, facts(lane, states={the_run.name: State.QUEUED}))
    assert moves_to(action, State.TRAINING)
    assert isinstance(action, a.Move)
    assert action.changes == {"job": f"{the_run.name}-a1"}


def busy_lane(other: Place, the_run: Run) -> Lane:
    lane = lanes.enter_training(Lane(recipe="support"), other, parallel=False)
    return lanes.enter_training(lane, the_run.place, parallel=False)


def test_a_held_lane_is_waited_for() -> None:
    the_run, other = run(State.QUEUED), Place(NOON - timedelta(hours=1), "other")
    seen = facts(busy_lane(other, the_run), states={"other": State.TRAINING, the_run.name: State.QUEUED})
    assert isinstance(next_action(the_run, seen), a.Wait)


@pytest.mark.parametrize("state", [None, State.FAILED, State.LIVE])
def test_a_holder_that_has_ended_or_is_missing_holds_nothing(state: State | None) -> None:
    the_run, other = run(State.QUEUED), Place(NOON - timedelta(hours=1), "other")
    seen = facts(busy_lane(other, the_run), states={"other": state, the_run.name: State.QUEUED})
    assert next_action(the_run, seen) == a.EnterTraining()


def test_newer_data_replaces_a_run_that_has_not_deployed() -> None:
    the_run, other = (
        run(State.QUEUED, Recipe(on_new_data="replace")),
        Place(NOON - timedelta(hours=1), "other"),
    )
    states = {"other": State.TRAINING, the_run.name: State.QUEUED}
    assert next_action(the_run, facts(busy_lane(other, the_run), states=states)) == a.AskToLeave("other")


def test_older_data_than_the_champions_is_superseded() -> None:
    lane = Lane(recipe="support", champion=champion("newer", minutes=60))
    for state in (State.QUEUED, State.REGISTERING, State.DEPLOYING):
        assert closes(next_action(run(state), facts(lane)), State.SUPERSEDED)


# ---- the job


def test_a_job_is_made_then_watched_then_read() -> None:
    the_run = run(State.TRAINING, job="j")
    assert next_action(the_run, facts(cluster=CLUSTER)) == a.FixEvaluation()
    the_run = replace(the_run, evaluation=ROWS)
    assert next_action(the_run, facts(cluster=CLUSTER)) == a.SubmitJob()
    unwritten = facts(job=JobFacts("running"))
    assert next_action(the_run, unwritten) == a.SubmitJob()
    the_run = replace(the_run, job_spec="s")
    assert isinstance(next_action(the_run, facts(job=JobFacts("running"))), a.Wait)
    done = facts(job=JobFacts("completed"))
    assert next_action(the_run, done) == a.ReadMetrics()
    read = replace(the_run, metrics_read=True, metrics={"eval_loss": 0.1})
    held = facts(
        lanes.enter_training(Lane(recipe="support"), read.place, parallel=False), job=JobFacts("completed")
    )
    assert next_action(read, held) == a.LeaveTraining()
    action = next_action(read, done)
    assert moves_to(action, State.REGISTERING)
    assert isinstance(action, a.Move)
    assert action.figures == {"eval_loss": 0.1, "eval_digest": ROWS.digest}
    assert "no champion to compare with" in action.reason


def test_a_failed_job_fails_the_run_with_its_log_and_the_next_command() -> None:
    failed = JobFacts("failed", "UserError: boom", "the last line", "chat_completion_finetune")
    action = next_action(run(State.TRAINING, job="j", job_spec="s"), facts(job=failed))
    assert closes(action, State.FAILED, "job-failed")
    assert isinstance(action, a.Close)
    assert action.problem is not None
    for told in ("in step chat_completion_finetune", "UserError: boom", "the last line"):
        assert told in action.problem.message
    assert "droptune retry" in action.problem.help


def test_a_failed_job_is_told_without_saying_a_thing_twice() -> None:
    failed = JobFacts("failed", "SystemError: nobody knows.", "the last line", None)
    action = next_action(run(State.TRAINING, job="j", job_spec="s", job_url="https://x"), facts(job=failed))
    assert isinstance(action, a.Close)
    assert action.problem is not None
    assert "nobody knows. The end of its log" in action.problem.message
    assert action.problem.help.count("See its page") == 1


def test_a_job_cancelled_outside_fails_the_run() -> None:
    assert closes(
        next_action(run(State.TRAINING, job="j", job_spec="s"), facts(job=JobFacts("canceled"))),
        State.FAILED,
        "job-canceled",
    )


def test_a_job_that_overruns_is_ended() -> None:
    the_run = run(
        State.TRAINING, Recipe(cost=Cost(max_job_hours=0.5)), job="j", job_spec="s", job_started=NOON
    )
    seen = facts(job=JobFacts("running"))
    assert isinstance(next_action(the_run, seen, hours=0.4), a.Wait)
    assert closes(next_action(the_run, seen, hours=0.5), State.FAILED, "job-overran")


def test_a_cluster_is_made_where_the_recipe_says_so_and_waited_for() -> None:
    makes = run(State.TRAINING, Recipe(compute=Compute(create=True)), job="j")
    assert next_action(makes, facts()) == a.CreateCompute()
    assert closes(next_action(run(State.TRAINING, job="j"), facts()), State.FAILED, "compute-missing")
    assert isinstance(next_action(makes, facts(cluster=replaced(CLUSTER, state="creating"))), a.Wait)
    broken = replaced(CLUSTER, state="failed", errors=("QuotaExceeded: no cores",))
    action = next_action(makes, facts(cluster=broken))
    assert closes(action, State.FAILED, "compute-failed")
    assert "no cores" in action.reason  # type: ignore[union-attr]
    serverless = run(State.TRAINING, Recipe(compute=Compute(name="serverless")), job="j")
    assert next_action(serverless, facts()) == a.FixEvaluation()


def test_a_preempted_job_gets_two_more_attempts() -> None:
    the_run = run(State.TRAINING, job="j-a1", job_spec="s", metrics_read=False)
    lost = facts(job=JobFacts("failed", "PreemptionError: Nodes of this job got pre-empted."))
    for attempt in (2, 3):
        action = next_action(the_run, lost)
        assert moves_to(action, State.TRAINING)
        assert isinstance(action, a.Move)
        the_run = replace(the_run, **{**action.changes, "job_spec": "s"})
        assert the_run.job == f"{the_run.name}-a{attempt}"
        assert len(the_run.earlier) == attempt - 1  # what it took is not forgotten
    action = next_action(the_run, lost)
    assert closes(action, State.FAILED, "job-preempted")
    assert "3 times" in action.reason  # type: ignore[union-attr]


def test_a_job_changed_under_its_name_ends_the_run_and_is_cancelled_only_if_it_is_ours() -> None:
    the_run = run(State.TRAINING, job="j", job_spec="s")
    closing = replace(the_run, closing=State.FAILED)
    altered = facts(job=JobFacts("running", changed=True))
    assert closes(next_action(the_run, altered), State.FAILED, "job-changed")
    assert next_action(closing, altered) == a.CancelJob()
    other = facts(job=JobFacts("running", changed=True, ours=False))
    assert closes(next_action(the_run, other), State.FAILED, "job-changed")
    assert next_action(closing, other) == a.End()


@pytest.mark.parametrize(
    ("metrics", "base", "code"),
    [
        ({"loss": 0.5}, None, "gate-no-eval-loss"),
        ({"eval_loss": 1.51}, None, "gate-eval-loss"),
        ({"eval_loss": 1.4, "train_runtime": 9.5}, None, "gate-diverged"),
        ({"eval_loss": 1.4, "train_runtime": 9.5, "train_loss": 1.3}, None, None),
        ({"eval_loss": 1.2}, 1.2, "gate-not-better"),
        ({"eval_loss": 1.5}, None, None),
        ({"eval_loss": 1.2}, 1.3, None),
    ],
)
def test_the_first_gate_stops_a_model_that_learned_nothing(
    metrics: dict[str, float], base: float | None, code: str | None
) -> None:
    the_run = run(
        State.TRAINING,
        Recipe(evaluation=Evaluation(max_eval_loss=1.5)),
        job="j",
        job_spec="s",
        metrics=metrics,
        metrics_read=True,
        base_eval_loss=base,
    )
    action = next_action(the_run, facts(job=JobFacts("completed")))
    if code is None:
        assert moves_to(action, State.REGISTERING)
    else:
        assert closes(action, State.FAILED, code)
        assert isinstance(action, a.Close)
        assert action.problem is not None
        shown = {key: value for key, value in metrics.items() if key != "train_runtime"}
        assert all(f"{value:.4g}" in action.problem.message for value in shown.values())


def test_a_model_gets_a_version_of_its_own() -> None:
    the_run = run(State.REGISTERING)
    assert next_action(the_run, facts()) == a.ChooseVersion()
    the_run = replace(the_run, model="m", model_version="1")
    assert next_action(the_run, facts()) == a.RegisterModel()
    assert next_action(the_run, facts(model_run="another")) == a.ChooseVersion()
    assert moves_to(next_action(the_run, facts(model_run=the_run.name)), State.DEPLOYING)


# ---- serving


def deploying(**fields: Any) -> tuple[Run, Lane]:
    the_run = run(State.DEPLOYING, deployment="rnew", **fields)
    return the_run, Lane(recipe="support", deploying=the_run.name)


def test_deploying_takes_the_slot_first() -> None:
    the_run = run(State.DEPLOYING)
    assert next_action(the_run, facts()) == a.TakeDeploySlot()
    held = Lane(recipe="support", deploying="other", deploy_waiting=(the_run.place,))
    seen = facts(held, states={"other": State.DEPLOYING, the_run.name: State.DEPLOYING})
    assert isinstance(next_action(the_run, seen), a.Wait)
    assert next_action(the_run, replace_states(seen, {"other": State.LIVE})) == a.TakeDeploySlot()


def replace_states(seen: Facts, states: dict[str, State | None]) -> Facts:
    return facts(seen.lane, states={**seen.states, **states})


def test_an_endpoint_then_a_deployment() -> None:
    the_run, lane = deploying()
    action = next_action(the_run, facts(lane, workspace_id="/w"))
    assert isinstance(action, a.Note)
    the_run = replace(the_run, **action.changes)
    assert next_action(the_run, facts(lane)) == a.CreateEndpoint()
    assert isinstance(
        next_action(the_run, facts(lane, endpoint=EndpointFacts("creating", ours=True, traffic={}))), a.Wait
    )
    assert next_action(the_run, facts(lane, endpoint=READY)) == a.CreateDeployment()
    seen = facts(lane, endpoint=READY, deployment=DeploymentFacts("creating"))
    assert isinstance(next_action(the_run, seen), a.Wait)
    seen = facts(lane, endpoint=READY, deployment=DeploymentFacts("succeeded"))
    assert moves_to(next_action(the_run, seen), State.TESTING)


def test_a_recipes_endpoint_is_kept_from_run_to_run() -> None:
    the_run, lane = deploying()
    action = next_action(the_run, facts(replace(lane, endpoint="support-old")))
    assert action == a.Note({"endpoint": "support-old"})


def test_an_endpoint_of_another_is_never_used() -> None:
    the_run, lane = deploying(endpoint="support-1")
    seen = facts(lane, endpoint=EndpointFacts("succeeded", ours=False, traffic={}))
    assert next_action(the_run, seen) == a.Note({"endpoint": "support-1-g2", "generation": 2})
    last = replace(the_run, endpoint="support-1-g9", generation=9)
    assert closes(next_action(last, seen), State.FAILED, "endpoint-name-taken")


def test_an_endpoint_that_never_came_up_goes_and_one_that_serves_stays() -> None:
    the_run, lane = deploying(endpoint="support-1")
    for state in ("canceled", "failed"):
        broken = EndpointFacts(state, ours=True, traffic={})
        assert closes(next_action(the_run, facts(lane, endpoint=broken)), State.FAILED, "endpoint-failed")
    ending = replace(the_run, closing=State.FAILED)
    assert next_action(ending, facts(lane, endpoint=broken)) == a.DeleteEndpoint()
    serves = replace(lane, champion=champion())
    assert next_action(ending, facts(serves, endpoint=broken)) == a.Free()
    asked = replaced(broken, traffic={"somebody-s": 100})
    assert next_action(ending, facts(lane, endpoint=asked)) == a.Free()
    assert next_action(ending, facts(lane, endpoint=replaced(broken, ours=False))) == a.Free()


def test_a_failed_deployment_fails_the_run_with_its_log() -> None:
    the_run, lane = deploying(endpoint="e")
    seen = facts(lane, endpoint=READY, deployment=DeploymentFacts("failed", "no GPU"))
    action = next_action(the_run, seen)
    assert closes(action, State.FAILED, "deployment-failed")
    assert isinstance(action, a.Close)
    assert action.problem is not None
    assert "no GPU" in action.problem.message


def test_a_wrong_answer_stops_the_run() -> None:
    the_run = run(State.TESTING)
    assert next_action(the_run, facts()) == a.AskChallenger()
    good, bad = Answer("q", passed=True, seconds=1), Answer("q", passed=False, seconds=1)
    assert moves_to(next_action(replace(the_run, smoke=(good,)), facts()), State.PROMOTING)
    assert closes(next_action(replace(the_run, smoke=(good, bad)), facts()), State.FAILED, "smoke-failed")


def test_traffic_then_crown_then_the_old_ones_end_then_live() -> None:
    the_run = run(State.PROMOTING, endpoint="support-12345678", deployment="rnew")
    lane = Lane(recipe="support", champion=champion(), deploying=the_run.name)
    up = DeploymentFacts("succeeded")
    noted = next_action(the_run, facts(lane, endpoint=READY, deployment=up))
    assert isinstance(noted, a.Note)
    begun = replace(the_run, **noted.changes)
    action = next_action(begun, facts(lane, endpoint=READY, deployment=up))
    assert action == a.MoveTraffic({"rnew": 100}, seen=Split())
    moved = EndpointFacts("succeeded", ours=True, traffic={"rnew": 100})
    assert next_action(the_run, facts(lane, endpoint=moved, deployment=up)) == a.Crown()
    new = replace(champion(the_run.name), deployment="rnew", place=the_run.place)
    lane = lanes.crown(lane, new, NOON)
    old = champion().place.run
    seen = facts(lane, endpoint=moved, deployment=up, states={old: State.LIVE})
    assert next_action(the_run, seen) == a.Depose(old)
    seen = facts(lane, endpoint=moved, deployment=up, states={old: State.SUPERSEDED})
    assert moves_to(next_action(the_run, seen), State.LIVE)


def test_a_deployment_deleted_by_somebody_fails_the_promotion() -> None:
    the_run = run(State.PROMOTING, endpoint="e", deployment="rnew")
    assert closes(next_action(the_run, facts(endpoint=READY)), State.FAILED, "deployment-gone")


def test_facts_and_seconds_are_gates_where_the_recipe_says_so() -> None:
    facts_ = (Fact("When?", "9"), Fact("Where?", "here"))
    right = Answer("When?", passed=True, seconds=2, found=("9",))
    wrong = Answer("Where?", passed=True, seconds=1)

    def judged(**fields: Any) -> a.Action:
        recipe = Recipe(evaluation=Evaluation(facts=facts_, **fields))
        return next_action(run(State.TESTING, recipe, smoke=(right, wrong)), facts())

    counted = judged()
    assert moves_to(counted, State.PROMOTING)
    assert isinstance(counted, a.Move)
    assert (counted.figures["facts_right"], counted.figures["facts"]) == (1, 2)
    assert moves_to(judged(min_facts=0.5), State.PROMOTING)
    assert closes(judged(min_facts=0.6), State.FAILED, "smoke-facts")
    assert moves_to(judged(max_answer_seconds=2), State.PROMOTING)
    slow = judged(max_answer_seconds=1.9)
    assert closes(slow, State.FAILED, "smoke-slow")
    assert isinstance(slow, a.Close)
    assert slow.figures["slowest_seconds"] == 2


# ---- closing


@pytest.mark.parametrize("state", sorted(set(State) - ENDS))
def test_a_cancelled_run_closes_from_everywhere(state: State) -> None:
    the_run = run(state, wishes=(Wish("cancel", "ann", NOON, "wrong file"),))
    action = next_action(the_run, facts())
    assert closes(action, State.CANCELLED)
    assert isinstance(action, a.Close)
    assert action.reason == "cancelled by ann: wrong file"


def test_closing_takes_away_job_deployment_and_slots_before_the_end() -> None:
    the_run = run(State.TRAINING, job="j", closing=State.CANCELLED)
    lane = lanes.enter_training(Lane(recipe="support"), the_run.place, parallel=False)
    assert next_action(the_run, facts(lane, job=JobFacts("running"))) == a.CancelJob()
    assert isinstance(next_action(the_run, facts(lane, job=JobFacts("cancelrequested"))), a.Wait)
    assert next_action(the_run, facts(lane, job=JobFacts("canceled"))) == a.Free()
    assert next_action(the_run, facts(job=JobFacts("canceled"))) == a.End()


def test_closing_gives_the_traffic_back_before_it_deletes() -> None:
    the_run = run(State.PROMOTING, endpoint="support-12345678", deployment="rnew", closing=State.FAILED)
    lane = Lane(recipe="support", champion=champion())
    taken = EndpointFacts("succeeded", ours=True, traffic={"rnew": 100})
    up = DeploymentFacts("succeeded")
    seen = facts(lane, endpoint=taken, deployment=up, champion=up)
    assert next_action(the_run, seen) == a.MoveTraffic({"rold": 100})
    first = facts(Lane(recipe="support"), endpoint=taken, deployment=up)
    assert next_action(the_run, first) == a.MoveTraffic({})
    given = EndpointFacts("succeeded", ours=True, traffic={"rold": 100})
    assert next_action(the_run, facts(lane, endpoint=given, deployment=up)) == a.DeleteDeployment()
    going = facts(lane, endpoint=given, deployment=DeploymentFacts("deleting"))
    assert isinstance(next_action(the_run, going), a.Wait)
    assert next_action(the_run, facts(lane, endpoint=given)) == a.End()


def test_a_champion_is_not_cancelled_but_goes_on_to_live() -> None:
    wishes = (Wish("cancel", "ann", NOON),)
    the_run = run(State.PROMOTING, endpoint="e", deployment="rnew", wishes=wishes, drop=drop(minutes=1))
    lane = Lane(recipe="support", champion=replace(champion(the_run.name), place=the_run.place))
    moved = EndpointFacts("succeeded", ours=True, traffic={"rnew": 100})
    seen = facts(lane, endpoint=moved, deployment=DeploymentFacts("succeeded"))
    assert moves_to(next_action(the_run, seen), State.LIVE)


def test_an_endpoint_of_the_run_alone_goes_with_it() -> None:
    recipe = Recipe(serving=Serving(endpoint="per_run"))
    the_run = run(State.DEPLOYING, recipe, endpoint="e", deployment="rnew", closing=State.FAILED)
    assert next_action(the_run, facts(endpoint=READY)) == a.DeleteEndpoint()
    assert isinstance(
        next_action(the_run, facts(endpoint=EndpointFacts("deleting", ours=True, traffic={}))), a.Wait
    )
