"""What a run does on Azure ML, on fakes: what stops it, its machines, its attempts, the first gate."""

from __future__ import annotations

import msgspec
import pytest

from shared.app import curves
from shared.app.people import retry
from shared.domain.errors import Permanent, Transient
from shared.domain.names import deployment
from shared.domain.run import Run, State
from tests.app.life import Life, chats
from tests.domain.test_preflight import RETIRED
from tests.fakes.computes import A100_FAMILY
from tests.fakes.training import base_model

SIZE = "Standard_NC24ads_A100_v4"


def failed(life: Life, name: str, code: str) -> Run:
    """Let a run come to its end, which must be this failure; nothing of it may be left to bill."""
    run = life.until(name, "failed")
    assert run.problem is not None
    assert run.problem.code == code, run.problem
    assert run.endpoint is None
    assert list(life.azureml.endpoints.all()) == []
    assert life.ledger.lane("support").lane.named() == set()
    return run


# ---- preflight


def test_all_findings_end_a_run_at_once_before_anything_is_made() -> None:
    life = Life()
    life.azureml.models.base_models = [base_model("Phi-4", "8", {"learning_rate_max": 1}, RETIRED)]
    life.azureml.computes.clusters.clear()
    life.azureml.computes.limit(A100_FAMILY, 0)
    run = failed(life, life.drop(), "preflight-failed")
    assert [found.code for found in run.preflight or () if found.severity == "error"] == [
        "model-retired",
        "compute-missing",
        "quota-too-small",
    ]
    assert [str(change.state) for change in run.history] == ["received", "validating", "failed"]
    assert "model-default-dropped" in [found.code for found in run.preflight or ()]
    assert (life.azureml.jobs.names, life.azureml.computes.made) == ([], [])


def test_a_mended_workspace_lets_the_same_run_go_on() -> None:
    life = Life()
    life.azureml.computes.limit(A100_FAMILY, 24)
    name = life.drop()
    failed(life, name, "quota-too-small")
    life.azureml.computes.limit(A100_FAMILY, 96)
    retry(life.world, name, "ann")
    assert life.until(name, "training").state is State.TRAINING


def test_warnings_are_kept_and_stop_nothing() -> None:
    life = Life()
    life.azureml.fail_next("usages", Permanent("azureml-forbidden", "Azure refuses access to the quotas."))
    run = life.live()
    assert "quota-unknown" in [found.code for found in run.preflight or ()]


def test_a_service_that_is_down_is_asked_again_and_no_warning() -> None:
    life = Life()
    life.azureml.fail_next("usages", Transient("azureml-unavailable", "Down."), times=2)
    run = life.live()
    assert "quota-unknown" not in [found.code for found in run.preflight or ()]


def test_the_champion_counts_for_the_second_drop() -> None:
    life = Life()
    life.azureml.computes.limit(A100_FAMILY, 48)
    life.live()
    life.tick()
    run = life.until(life.drop("support/b.jsonl", chats(topic="garden")), "failed")
    assert run.problem is not None
    assert "24 tuning + 24 champion + 24 challenger" in run.problem.message


# ---- machines


def test_a_cluster_is_made_where_the_recipe_says_so() -> None:
    life = Life()
    life.azureml.computes.clusters.clear()
    life.storage.recipes.put("support", "compute: {create: true, max_instances: 3}\n")
    life.azureml.computes.held = True
    name = life.drop()
    run = life.until(name, "training")
    life.tick()
    assert life.run(name).reason == "compute gpu-cluster is creating"
    assert life.azureml.jobs.names == []
    life.azureml.computes.held = False
    life.tick(120)
    life.tick(120)
    assert life.azureml.jobs.names == [f"{name}-a1"]
    [made] = life.azureml.computes.made
    assert (made.name, made.size, made.max_nodes, made.tier) == ("gpu-cluster", SIZE, 3, "dedicated")
    assert made.tags["droptune-run"] == run.name


@pytest.mark.parametrize("known", [True, False])
def test_it_is_of_low_priority_where_dedicated_has_no_quota(known: bool) -> None:  # noqa: FBT001
    life = Life()
    life.azureml.computes.clusters.clear()
    life.storage.recipes.put(
        "support", "compute: {create: true}\nserving: {instance_type: Standard_NC16as_T4_v3}\n"
    )
    if known:
        life.azureml.computes.limit(A100_FAMILY, 0)
    else:
        life.azureml.fail_next("computes.create", Transient("azureml-no-room", "No quota."))
    life.until(life.drop(), "training")
    life.tick()
    assert [made.tier for made in life.azureml.computes.made] == ["low_priority"]


def test_serverless_needs_no_cluster_and_names_sizes() -> None:
    life = Life()
    life.azureml.computes.clusters.clear()
    life.storage.recipes.put("support", "compute: {name: serverless, size: Standard_NC48ads_A100_v4}\n")
    name = life.drop()
    life.until(name, "training")
    life.tick()
    inputs = life.azureml.jobs.spec(f"{name}-a1").inputs
    steps = ("model_import", "preprocess", "finetune", "model_evaluation")
    assert {inputs[f"compute_{step}"] for step in steps} == {"serverless"}
    assert {inputs[f"instance_type_{step}"] for step in steps} == {"Standard_NC48ads_A100_v4"}
    assert inputs["number_of_gpu_to_use_finetuning"] == 2


def test_many_nodes_show_in_the_batch() -> None:
    life = Life()
    life.storage.recipes.put("support", "training: {num_nodes_finetune: 2, per_device_train_batch_size: 4}\n")
    name = life.drop()
    life.until(name, "training")
    life.tick()
    spec = life.azureml.jobs.spec(f"{name}-a1")
    assert "-bs8-" in spec.display_name
    assert spec.inputs["num_nodes_finetune"] == 2


# ---- attempts


def test_a_preempted_job_is_tried_again_at_most_twice() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    for attempt in (1, 2, 3):
        error = "UserError: PreemptionError: Nodes of this job got pre-empted."
        life.azureml.jobs.fail(f"{name}-a{attempt}", error, step="chat_completion_finetune")
        life.tick(300)
        life.tick()
    run = failed(life, name, "job-preempted")
    assert life.azureml.jobs.names == [f"{name}-a{attempt}" for attempt in (1, 2, 3)]
    assert "dedicated" in (run.problem.help if run.problem else "")


def test_a_preempted_job_s_next_attempt_goes_live() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.azureml.jobs.fail(f"{name}-a1", "PreemptionError")
    life.tick(300)
    life.tick()
    life.azureml.jobs.finish(f"{name}-a2", {"eval_loss": 0.5})
    run = life.until(name, "live")
    assert [str(c.state) for c in run.history].count("training") == 2
    assert run.job == f"{name}-a2"


@pytest.mark.parametrize(
    ("tag", "fate"), [("droptune-spec", "canceled"), ("droptune-run", "running")], ids=["ours", "another's"]
)
def test_a_job_changed_under_its_name_is_an_error(tag: str, fate: str) -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.azureml.jobs.retag(f"{name}-a1", {tag: "another"})
    run = failed(life, name, "job-changed")
    assert "changed under its name" in run.reason
    assert life.azureml.jobs.find(f"{name}-a1").status == fate


@pytest.mark.parametrize(
    ("error", "step", "code", "helps"),
    [
        (
            "UserError: CUDA out of memory",
            "finetune",
            "job-out-of-memory",
            "max_seq_length",
        ),
        ("ClusterMinNodesExceedCoreQuota: needs 24", None, "job-no-quota", "quota"),
        ("UserError: found no examples", "preprocess", "job-data", "droptune foretell"),
        ("SystemError: a strange thing", "chat_completion_datapreprocess", "job-data", "foretell"),
        ("SystemError: a strange thing", "chat_completion_finetune", "job-failed", "See its page"),
    ],
)
def test_a_failure_names_its_step_its_log_and_what_helps(
    error: str, step: str | None, code: str, helps: str
) -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.azureml.jobs.fail(f"{name}-a1", error, "the end of the log", step)
    run = failed(life, name, code)
    assert run.problem is not None
    assert error in run.problem.message
    assert "the end of the log" in run.problem.message
    assert step is None or f"in step {step}" in run.problem.message
    assert helps in run.problem.help
    assert run.problem.help.endswith(f"droptune retry {name}")


@pytest.mark.parametrize(
    ("error", "log", "code"),
    [
        ("OutOfQuota: Not enough quota available", "", "deployment-no-quota"),
        (None, "torch.OutOfMemoryError: CUDA out of memory", "deployment-out-of-memory"),
        ("ResourceNotReady: User container has crashed", "No module named 'x'", "deployment-failed"),
    ],
)
def test_a_failed_deployment_says_why_and_is_taken_away(error: str | None, log: str, code: str) -> None:
    life = Life()
    name = life.drop()
    life.azureml.endpoints.hold(deployment(name))
    life.until(name, "training")
    life.tick()
    life.train(name)
    run = life.until(name, "deploying")
    for _ in range(5):
        life.tick()
    endpoint = life.run(name).endpoint or ""
    life.azureml.endpoints.fail(endpoint, deployment(name), log=log, error=error)
    run = life.until(name, "failed")
    assert run.problem is not None
    assert run.problem.code == code
    assert (error or "") in run.problem.message
    assert log in run.problem.message
    assert life.azureml.endpoints.deployments(endpoint) == []


# ---- figures and the first gate


def test_figures_curves_and_tokens_are_kept() -> None:
    life = Life()
    run = life.live()
    assert run.tokens == {"training": 1200, "assistant": 800}
    assert curves.of(life.world.ledger, run) == {"loss": [(10, 2.0), (20, 1.0)], "eval_loss": [(20, 1.0)]}
    assert len(msgspec.json.encode(run)) < 20_000


@pytest.mark.parametrize(
    ("metrics", "code"), [({"loss": 0.4}, "gate-no-eval-loss"), ({"eval_loss": 2.5}, "gate-eval-loss")]
)
def test_a_model_over_the_limit_goes_no_further(metrics: dict[str, float], code: str) -> None:
    life = Life()
    life.storage.recipes.put("support", "evaluation: {max_eval_loss: 2}\n")
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.train(name, **metrics)
    run = failed(life, name, code)
    assert run.metrics == metrics
    assert life.azureml.models.versions == []
    [figure] = metrics.values()
    assert f"{figure:g}" in (run.problem.message if run.problem else "")


def test_a_model_no_better_than_its_base_goes_no_further_and_the_base_s_loss_is_remembered() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    life.azureml.jobs.finish(f"{name}-a1", {"eval_loss": 1.3}, {"eval_loss": [(0, 1.25), (20, 1.3)]})
    run = failed(life, name, "gate-not-better")
    assert "1.3, not below the base model's 1.25" in run.reason
    # The same rows again, by a job that did not measure the base model: the number is known.
    again = life.drop("support/b.jsonl", None, retrain="true")
    life.until(again, "training")
    life.tick()
    life.azureml.jobs.finish(f"{again}-a1", {"eval_loss": 1.26}, {})
    assert failed(life, again, "gate-not-better").base_eval_loss == 1.25
    # Other rows: it is not.
    other = life.drop("support/c.jsonl", chats(topic="garden"))
    life.until(other, "training")
    life.tick()
    life.azureml.jobs.finish(f"{other}-a1", {"eval_loss": 1.26}, {})
    assert life.until(other, "live").base_eval_loss is None


def test_the_model_leads_back_to_all_it_came_from() -> None:
    life = Life()
    run = life.live()
    [version] = life.azureml.models.versions
    assert version.tags.keys() >= {
        "droptune-run",
        "droptune-recipe",
        "droptune-recipe-digest",
        "droptune-data",
        "droptune-base-model",
        "droptune-job",
    }
    assert version.tags["droptune-job"] == run.job
    assert run.base_model is not None
    assert version.tags["droptune-base-model"] == run.base_model.id


# ---- faults


def made(life: Life) -> tuple[int, int, int, int, int]:
    """Count what there is: clusters made, jobs, models, endpoints, deployments."""
    azure = life.azureml
    served = [
        one.name for endpoint in azure.endpoints.all() for one in azure.endpoints.deployments(endpoint.name)
    ]
    ends = len(list(azure.endpoints.all()))
    return len(azure.computes.made), len(azure.jobs.names), len(azure.models.versions), ends, len(served)


def lived(call: str | None = None, *, after: bool = False) -> Life:
    """Live a run whose cluster is to be made, with one fault on the way."""
    life = Life()
    life.azureml.computes.clusters.clear()
    life.storage.recipes.put("support", "compute: {create: true}\nserving: {rollout: [100]}\n")
    if call is not None:
        life.azureml.fail_next(call, Transient("azureml-unavailable", "Down."), after=after)
    name = life.drop()
    life.until(name, "training")
    for _ in range(5):
        life.tick(300)
    life.train(name)
    life.until(name, "live")
    return life


CALLED = sorted(call for call in lived().azureml.calls if not call.startswith(("monitor.", "prices.")))


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("call", CALLED)
def test_any_call_may_fail_once_and_nothing_is_made_twice(call: str, after: bool) -> None:  # noqa: FBT001
    assert made(lived(call, after=after)) == (1, 1, 1, 1, 1)


def test_the_calls_that_may_fail_are_those_a_life_makes() -> None:
    assert {"computes.create", "computes.usages", "jobs.curves", "models.component"} <= {*CALLED}
