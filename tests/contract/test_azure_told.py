"""What stops a run on Azure ML, each thing made to happen, and what `droptune show` says of it.

The app is whole but for its ledger, which lies in memory; the trainer is the stand-in, so that a run takes a
second or two. `tests/e2e/test_azure_stack.py` does a few of them on the whole stack with a real model.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from shared.app import curves
from shared.app.curves import Baseline
from shared.app.people import retry
from shared.app.serving import LINGERING
from shared.app.tracing import traces
from shared.domain.lane import Lane
from shared.domain.names import LARGEST_GENERATION, endpoint, short_digest
from shared.domain.run import State
from shared.domain.survey import Limits
from shared.domain.tags import INSTALLATION, RUN
from tests.contract.rigs import JOBS_IDENTITY, SIZE, EmulatorRig, emulator_rig, now, unique
from tests.contract.runs import Runs, chats
from tests.local.azureml.rig import WS, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from shared.domain.base_model import ResolvedModel
    from shared.domain.run import Run
    from shared.ports import Models

# The SDK itself and what it imports warn in many places: that is not what is tested here.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("azure-told")]

BUNDLED = Path(__file__).parents[2] / "recipes"
FAMILY = "standardNCADSA100v4Family"
PHI_3, SERVERLESS = (
    "base_model: {name: Phi-3-mini-4k-instruct, version: 15",
    "compute: {name: serverless, size: ",
)
Show = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorRig]:
    with (
        pytest.MonkeyPatch.context() as patch,
        emulator_rig(tmp_path_factory.mktemp("told"), patch) as world,
    ):
        yield world


@pytest.fixture(autouse=True)
def as_before(rig: EmulatorRig) -> Iterator[None]:
    """Leave the region, the registry and luck as they were."""
    yield
    for what in ("region", "registry", "mishaps", "faults"):
        rig.emulator.admin("DELETE", what)


def registry(name: str, **fields: Any) -> Callable[[EmulatorRig], None]:
    """Add a base model that is like Phi-4 but for some fields."""

    def change(rig: EmulatorRig) -> None:
        rig.emulator.admin("PUT", f"registry/models/{name}/versions/1", json={"like": "Phi-4:8", **fields})

    return change


def region(**fields: Any) -> Callable[[EmulatorRig], None]:
    return lambda rig: rig.emulator.admin("PATCH", "region", json=fields)


def fault(route: str, **fields: Any) -> Callable[[EmulatorRig], None]:
    body = {
        "route": route,
        "status": 403,
        "code": "AuthorizationFailed",
        "message": "No.",
        "times": 9,
        **fields,
    }
    return lambda rig: rig.emulator.admin("POST", "faults", json=body)


def mishap(kind: str, **fields: Any) -> Callable[[EmulatorRig], None]:
    return lambda rig: rig.emulator.admin("POST", "mishaps", json={"kind": kind, "name": "*", **fields})


def cluster(name: str, size: str = SIZE, minimum: int = 0, **failing: Any) -> Callable[[EmulatorRig], None]:
    """Make a cluster, which fails where `failing` says how."""

    def make(rig: EmulatorRig) -> None:
        if failing:
            rig.emulator.admin("POST", "mishaps", json={"kind": "compute", "name": name, **failing})
        inner = {"vmSize": size, "scaleSettings": {"minNodeCount": minimum, "maxNodeCount": 2}}
        body = {"properties": {"computeType": "AmlCompute", "properties": inner}}
        answer = rig.emulator.arm("PUT", f"/computes/{name}", json=body)
        assert answer.status_code in {200, 201}, answer.text

    return make


def nothing(_rig: EmulatorRig) -> None: ...


LONG_NAME = "Long" * 64  # the recipe's name makes it longer than Azure ML takes
DATES = {"deprecation": {"finetuneRetirementDate": "2031-01-02T00:00:00Z"}}
ERRORS: Mapping[str, tuple[str, Callable[[EmulatorRig], None], str]] = {
    "training-parameters": (
        "training: {learning_rat: 1}",
        nothing,
        "training.learning_rat: unknown, did you mean 'learning_rate'?",
    ),
    "evaluation-disabled": (
        "training: {evaluation_strategy: disable}",
        nothing,
        "the first gate could not tell",
    ),
    "model-retired": (PHI_3 + "}", nothing, "retired since 2025-08-30. Its successor for tuning is Phi-4."),
    "model-archived": (
        "base_model: {name: Aged, version: 1}",
        registry("Aged", isArchived=True),
        "Aged:1 is archived in its registry; no date of retirement is published.",
    ),
    "model-not-tunable": (
        "base_model: {name: Talker}",
        registry("Talker", systemMetadata={"tasks": {"fineTuningTasks": ["text-classification"]}}),
        "cannot be tuned for chat-completion; it is published for: text-classification.",
    ),
    "size-retired": (
        "serving: {instance_type: Standard_NC6s_v3}",
        nothing,
        "The size Standard_NC6s_v3 for serving is retired since 2025-09-30.",
    ),
    "tuning-size-not-listed": (
        SERVERLESS + "Standard_ND40rs_v2}",
        nothing,
        "The size Standard_ND40rs_v2 is not among those published for tuning this model",
    ),
    "serving-size-not-listed": (
        "serving: {instance_type: Standard_E4s_v3}",
        nothing,
        "The size Standard_E4s_v3 is not among those published for serving this model",
    ),
    "size-k80": (
        "base_model: {name: Bare}\n" + SERVERLESS + "Standard_NC6}",
        registry("Bare", systemMetadata={}, tags={}),
        "The size Standard_NC6 has K80 cards",
    ),
    "size-not-offered": (
        "",
        region(offers=["Standard_NC48ads_A100_v4"]),
        f"The size {SIZE} for tuning is not offered to this workspace in its region.",
    ),
    "sizes-unknown": (
        "",
        fault("*/vmSizes"),
        "could not be had: Azure refuses access to the sizes of the region",
    ),
    "size-no-gpu": (SERVERLESS + "Standard_E4s_v3}", nothing, "The size Standard_E4s_v3 has no GPU"),
    "compute-missing": (
        "compute: {name: nowhere}",
        nothing,
        "Or: Make it (az ml compute create --type amlcompute -n nowhere",
    ),
    "compute-failed": (
        "compute: {name: broken}",
        cluster("broken", code="SubnetFull", message="No address is left."),
        "The compute 'broken' could not be provisioned: SubnetFull: No address is left.",
    ),
    "compute-too-small": (
        "training: {num_nodes_finetune: 3}",
        nothing,
        "training.num_nodes_finetune is 3, but 'gpu-cluster' has at most 2 nodes.",
    ),
    "quota-too-small": (
        "",
        region(quotas={FAMILY: 24}),
        "takes 48 cores StandardNCADSA100v4Family (24 tuning + 24 challenger); the quota is 24.",
    ),
    "model-name": (
        f"base_model: {{name: {LONG_NAME}}}",
        registry(LONG_NAME),
        "cannot name a registered model: letters, digits, _ . and - are allowed, at most 255.",
    ),
    "size-dedicated-only": (
        "compute: {name: to-be-made, create: true, tier: low_priority}",
        region(not_at_low_priority=[SIZE]),
        f"The size {SIZE} cannot be had at low priority.",
    ),
    "too-many-instances": (
        "serving: {instance_count: 51}",
        nothing,
        "serving.instance_count is 51; a deployment has at most 50.",
    ),
}


@pytest.mark.parametrize("code", ERRORS)
def test_each_thing_that_stands_in_the_way_is_told(rig: EmulatorRig, capsys: Show, code: str) -> None:
    text, prepare, words = ERRORS[code]
    prepare(rig)
    runs = Runs(rig, unique("pre"), text)
    before = rig.emulator.admin("GET", "requests")
    run = runs.ended(runs.drop())
    assert run.state is State.FAILED
    assert code in {found.code for found in run.preflight or () if found.severity == "error"}
    shown = runs.shown(run.name, capsys)
    assert f"{code} error" in shown
    assert words in shown
    assert f"droptune retry {run.name}" in shown or f"droptune drop FILE --recipe {runs.recipe}" in shown
    after = rig.emulator.admin("GET", "requests")
    assert (after["jobs"], made(after)) == (before["jobs"], made(before))


def made(requests: Mapping[str, Any]) -> dict[str, int]:
    """Count the calls that make something which costs."""
    kinds = ("PUT {ws}/jobs", "PUT {ws}/computes", "PUT {ws}/onlineEndpoints", "PUT {ws}/models")
    return {call: count for call, count in requests["calls"].items() if call.startswith(kinds)}


WARNINGS: Mapping[str, tuple[str, Callable[[EmulatorRig], None], str]] = {
    "model-default-dropped": (
        PHI_3 + ", allow_retired: true}",
        nothing,
        "The model's default learning_rate_min is not sent (unknown, did you mean 'learning_rate'?).",
    ),
    "model-retired": (
        PHI_3 + ", allow_retired: true}",
        nothing,
        "The recipe allows it (base_model.allow_retired).",
    ),
    "model-retires": (
        "base_model: {name: Ageing}",
        registry("Ageing", systemMetadata=DATES),
        "Ageing:1 retires on 2031-01-02.",
    ),
    "model-retirement-unknown": ("", nothing, "Nothing is published about when Phi-4:8 retires."),
    "sizes-unpublished": (
        "base_model: {name: Plain}",
        registry("Plain", systemMetadata={}, tags={}),
        "No list of sizes for serving this model is published",
    ),
    "compute-always-on": (
        "compute: {name: awake}",
        cluster("awake", minimum=1),
        "The compute 'awake' keeps 1 nodes that bill when nothing runs.",
    ),
    "quota-unknown": (
        "",
        fault("*/usages"),
        "Quotas could not be had: Azure refuses access to the quotas of the region",
    ),
    "quota-in-use": (
        "",
        region(quotas={FAMILY: 96}, used={FAMILY: 60}),
        "are in use just now and 48 more are needed: the job may wait",
    ),
    "quota-reserve": ("", region(quotas={FAMILY: 50}), "if Azure ML keeps its reserve for upgrades"),
    "compute-other-size": (
        "compute: {name: other, size: Standard_NC48ads_A100_v4}",
        cluster("other"),
        f"The compute 'other' has the size {SIZE}, not the recipe's Standard_NC48ads_A100_v4.",
    ),
    "endpoints-unknown": (
        "",
        fault("GET {ws}/onlineEndpoints"),
        "How many endpoints there are could not be had: Azure refuses access to the endpoints",
    ),
}


@pytest.mark.parametrize("code", WARNINGS)
def test_what_nobody_could_tell_is_kept_and_told(rig: EmulatorRig, capsys: Show, code: str) -> None:
    text, prepare, words = WARNINGS[code]
    prepare(rig)
    runs = Runs(rig, unique("warn"), text)
    name = runs.drop()
    run = runs.until(name, lambda run: run.preflight is not None, "has been looked at")
    assert code in {found.code for found in run.preflight or () if found.severity == "warning"}
    assert run.closing is None
    shown = runs.shown(name, capsys)
    assert f"{code} warning" in shown
    assert words in shown


@dataclass
class Unreadable:
    """A registry whose own records this identity may not read."""

    models: Models

    def __getattr__(self, name: str) -> Any:
        return getattr(self.models, name)

    def resolve(self, name: str, registry: str, version: str) -> ResolvedModel:
        return msgspec.structs.replace(self.models.resolve(name, registry, version), catalogue=None)


def test_a_record_that_cannot_be_read_is_told(rig: EmulatorRig, capsys: Show) -> None:
    runs = Runs(rig, unique("warn"), "")
    runs.world = replace(runs.world, models=Unreadable(rig.models))
    name = runs.drop()
    runs.until(name, lambda run: run.preflight is not None, "has been looked at")
    assert "model-unpublished warning" in runs.shown(name, capsys)


@pytest.mark.parametrize(
    ("limits", "code", "setting"),
    [
        (Limits(endpoints=1), "endpoint-quota", "ENDPOINTS_MAX"),
        (Limits(deployments=0), "deployment-quota", "DEPLOYMENTS_MAX"),
    ],
)
def test_full_limits_are_told(
    rig: EmulatorRig, capsys: Show, limits: Limits, code: str, setting: str
) -> None:
    rig.endpoints.create(unique("somebody-s"), "key", {})
    runs = Runs(rig, unique("pre"), "")
    runs.world = replace(runs.world, limits=limits)
    run = runs.ended(runs.drop())
    shown = runs.shown(run.name, capsys)
    assert f"{code} error" in shown
    assert setting in shown


def test_an_endpoint_s_impossible_name_is_told(rig: EmulatorRig, capsys: Show) -> None:
    """Names that Droptune derives always hold; a lane that somebody wrote into may name any."""
    runs = Runs(rig, unique("pre"), "")
    written = Lane(recipe=runs.recipe, endpoint="two--dashes")
    runs.world.ledger.put(f"lanes/{runs.recipe}.json", msgspec.json.encode(written))
    run = runs.ended(runs.drop())
    assert run.state is State.FAILED
    shown = runs.shown(run.name, capsys)
    assert "endpoint-name error" in shown
    assert "'two--dashes' cannot name endpoint: 3 to 32 letters, digits and single dashes" in shown


def test_several_things_are_told_at_once(rig: EmulatorRig, capsys: Show) -> None:
    text = PHI_3 + "}\ncompute: {name: nowhere}\ntraining: {learning_rat: 1}\n"
    text += "serving: {instance_type: Standard_NC6s_v3}\n"
    runs = Runs(rig, unique("pre"), text)
    run = runs.ended(runs.drop())
    shown = runs.shown(run.name, capsys)
    for code in ("training-parameters", "model-retired", "compute-missing", "size-retired"):
        assert f"{code} error" in shown
    assert "4 things stand in the way." in shown


# ---- what goes wrong later


def step_fails(
    code: str, message: str, log: str = "", step: str = "chat_completion_finetune", **more: Any
) -> Any:
    return mishap("job", code=code, message=message, log=[log] if log else [], step=step, **more)


FAILURES: Mapping[str, tuple[Callable[[EmulatorRig], None], tuple[str, ...]]] = {
    "job-out-of-memory": (
        step_fails("UserError", "exit code 1", "torch.OutOfMemoryError: CUDA out of memory."),
        ("in step chat_completion_finetune", "CUDA out of memory", "Lower training.max_seq_length"),
    ),
    "job-no-quota": (
        step_fails("UserError", "Requested 24 cores exceeds the quota of the family"),
        ("no room", "Ask for quota"),
    ),
    "job-data": (
        step_fails("UserError", "it broke", "a strange last line", step="chat_completion_datapreprocess"),
        ("in step chat_completion_datapreprocess", "a strange last line", "droptune foretell"),
    ),
    "job-preempted": (
        step_fails("", "", how="preempt", times=3),
        ("pre-empted", "3 times", "compute.tier: dedicated"),
    ),
    "job-failed": (
        step_fails("SystemError", "nobody knows", "and no log tells"),
        ("SystemError", "nobody knows", "and no log tells", "See its page https://"),
    ),
}


def fails(runs: Runs, code: str, name: str | None = None) -> Run:
    """Let a run come to this failure, of which nothing may be left to bill."""
    run = runs.ended(name or runs.drop())
    assert run.state is State.FAILED
    assert run.problem is not None
    assert run.problem.code == code, run.problem
    assert run.endpoint is None or not runs.world.endpoints.deployments(run.endpoint)
    assert runs.world.ledger.read(f"r/{run.name}.json")
    return run


@pytest.mark.parametrize("code", FAILURES)
def test_each_kind_of_failed_job_is_told(rig: EmulatorRig, capsys: Show, code: str) -> None:
    prepare, words = FAILURES[code]
    prepare(rig)
    runs = Runs(rig, unique("job"), "")
    run = fails(runs, code)
    shown = runs.shown(run.name, capsys)
    for word in words:
        assert word in shown
    assert f"droptune retry {run.name}" in shown


def test_a_preempted_job_s_next_attempt_goes_live_and_retry_makes_another(rig: EmulatorRig) -> None:
    runs = Runs(rig, unique("job"), "")
    step_fails("", "", how="preempt", times=1)(rig)
    step_fails("UserError", "once", times=1)(rig)
    run = fails(runs, "job-failed")
    assert run.job == f"{run.name}-a2"
    retry(runs.world, run.name, "ann")
    run = runs.ended(run.name)
    assert (run.state, run.job) == (State.LIVE, f"{run.name}-a3")
    [record] = traces(runs.world, run.drop.path)
    jobs = [step for step in record.steps if step.state is State.TRAINING]
    assert [step.made for step in jobs] == [f"job {run.name}-a{attempt}" for attempt in (1, 2, 3)]
    assert all(
        step.billed_hours is not None for step in jobs
    )  # a quick one took less than a third of a second
    assert run.spent_usd is not None
    assert record.training_usd == pytest.approx(run.spent_usd, abs=0.05)


def test_a_job_that_azure_ml_begins_again_is_one_attempt(rig: EmulatorRig) -> None:
    runs = Runs(rig, unique("job"), "")
    mishap("job", how="restart", points=1)(rig)
    run = runs.ended(runs.drop())
    assert (run.state, run.job, run.preemptions) == (State.LIVE, f"{run.name}-a1", 0)
    assert [step for step, _ in curves.of(runs.world.ledger, run)["loss"]] == [1, 2, 3]


def running(runs: Runs) -> str:
    """Drop a file whose job runs until it is stopped, and give the run's name."""
    name = runs.drop()
    runs.until(name, lambda run: run.job_spec is not None, "has its job")
    return name


LASTS = "training: {seed: 3}\n"


def test_a_job_cancelled_outside_is_told(rig: EmulatorRig, capsys: Show) -> None:
    runs = Runs(rig, unique("job"), LASTS)
    name = running(runs)
    rig.jobs.cancel(f"{name}-a1")
    fails(runs, "job-canceled", name)
    assert "was cancelled outside Droptune" in runs.shown(name, capsys)


def test_a_job_that_runs_too_long_is_cancelled_and_told(rig: EmulatorRig, capsys: Show) -> None:
    runs = Runs(rig, unique("job"), LASTS + "cost: {max_job_hours: 0.0001}\n")
    name = running(runs)
    fails(runs, "job-overran", name)
    assert "ran longer than cost.max_job_hours (0.0001 h)" in runs.shown(name, capsys)
    assert rig.jobs.find(f"{name}-a1").status == "canceled"


@pytest.mark.parametrize(
    ("tag", "words"), [("droptune-spec", "It is cancelled."), (RUN, "is left alone.")], ids=["ours", "not"]
)
def test_a_job_changed_under_its_name_is_told(rig: EmulatorRig, capsys: Show, tag: str, words: str) -> None:
    runs = Runs(rig, unique("job"), LASTS)
    name = running(runs)
    job = rig.emulator.arm("GET", f"/jobs/{name}-a1").json()["properties"]
    path = f"/history/v1.0{WS}/experiments/{job['experimentName']}/runs/{name}-a1?api-version=v1.0"
    assert rig.emulator.http("PATCH", path, json={"tags": {tag: "another"}}).is_success
    fails(runs, "job-changed", name)
    shown = runs.shown(name, capsys)
    assert "was changed under its name" in shown
    assert words in shown
    assert rig.jobs.find(f"{name}-a1").over is (tag != RUN)
    rig.jobs.cancel(f"{name}-a1")


def test_a_deployment_that_fails_is_told_with_its_log_and_taken_away(rig: EmulatorRig, capsys: Show) -> None:
    lines = ["loading", "torch.OutOfMemoryError: CUDA out of memory."]
    mishap("deployment", log=lines)(rig)
    runs = Runs(rig, unique("serve"), "")
    run = fails(runs, "deployment-out-of-memory")
    shown = runs.shown(run.name, capsys)
    assert "(it ran out of memory)" in shown
    assert "ResourceNotReady" in shown
    assert "CUDA out of memory." in shown
    mishap("deployment", log=["ModuleNotFoundError: No module named 'flash_attn'"])(rig)
    retry(runs.world, run.name, "ann")
    run = fails(runs, "deployment-failed", run.name)
    assert "No module named 'flash_attn'" in runs.shown(run.name, capsys)
    retry(runs.world, run.name, "ann")
    assert runs.ended(run.name).state is State.LIVE


def test_a_deployment_that_finds_no_room_is_told(rig: EmulatorRig, capsys: Show) -> None:
    mishap("deployment", code="OutOfQuota", message="Not enough quota available for the family.")(rig)
    runs = Runs(rig, unique("serve"), "")
    run = fails(runs, "deployment-no-quota")
    shown = runs.shown(run.name, capsys)
    assert "OutOfQuota: Not enough quota available for the family." in shown
    assert "Ask for quota" in shown


def test_an_endpoint_that_never_came_up_is_told_and_made_anew_by_retry(
    rig: EmulatorRig, capsys: Show
) -> None:
    mishap("endpoint", code="SubnetFull", message="No address is left.")(rig)
    runs = Runs(rig, unique("serve"), "")
    run = fails(runs, "endpoint-failed")
    assert f"The endpoint {run.endpoint} could not be made." in runs.shown(run.name, capsys)
    assert run.endpoint not in {endpoint.name for endpoint in rig.endpoints.all()}
    retry(runs.world, run.name, "ann")
    assert runs.ended(run.name).state is State.LIVE


def later() -> datetime:
    return now() + LINGERING


def test_an_endpoint_whose_every_name_is_taken_is_told(rig: EmulatorRig, capsys: Show) -> None:
    runs = Runs(rig, unique("serve"), "")
    theirs = [endpoint(WS, runs.recipe, place) for place in range(1, LARGEST_GENERATION + 1)]
    region(taken_names=theirs)(rig)
    name = runs.drop()
    runs.until(name, lambda run: run.state is State.DEPLOYING and run.attempts > 0, "is refused a name")
    runs.world = replace(runs.world, now=later)  # for so long a name may linger after a deletion
    run = fails(runs, "endpoint-name-taken", name)
    assert f"No name is left for the endpoint of {runs.recipe}" in runs.shown(name, capsys)
    assert run.endpoint == theirs[-1]
    region(taken_names=theirs[:-1])(rig)
    retry(runs.world, name, "ann")
    run = runs.ended(name)
    assert (run.state, run.endpoint) == (State.LIVE, theirs[-1])


def test_a_deployment_deleted_outside_on_its_way_up_is_told(rig: EmulatorRig, capsys: Show) -> None:
    runs = Runs(rig, unique("serve"), "serving: {rollout: [30, 100], step_minutes: 60}")
    first = runs.ended(runs.drop())
    assert first.state is State.LIVE
    time.sleep(1.1)  # a drop's time is whole seconds
    name = runs.drop("b.jsonl", chats(40, "another"))
    run = runs.until(name, lambda run: run.state is State.PROMOTING, "gets its first traffic")
    where, old = run.endpoint or "", first.deployment or ""
    runs.until(name, lambda _run: rig.endpoints.find(where).traffic.get(old) == 70, "has 30 %")
    rig.endpoints.set_traffic(where, {old: 100})
    rig.endpoints.undeploy(where, run.deployment or "")
    until(lambda: [one.name for one in rig.endpoints.deployments(where)] == [old], 60, "is gone")
    run = runs.ended(name)
    assert run.problem is not None
    assert run.problem.code == "deployment-gone"
    assert "was deleted outside Droptune" in runs.shown(name, capsys)
    assert dict(rig.endpoints.find(where).traffic) == {old: 100}


# ---- the first gate


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("training: {seed: 4}", "gate-no-eval-loss", "training diverged"),
        ("evaluation: {max_eval_loss: 0.5}", "gate-eval-loss", "over evaluation.max_eval_loss (0.5)"),
    ],
)
def test_a_model_that_learned_nothing_is_told_with_its_figures(
    rig: EmulatorRig, capsys: Show, text: str, code: str, words: str
) -> None:
    runs = Runs(rig, unique("gate"), text)
    run = fails(runs, code)
    assert run.metrics["loss"] == pytest.approx(1 / 3)
    shown = runs.shown(run.name, capsys)
    assert words in shown
    assert "loss 0.33" in shown
    assert (run.model, run.endpoint) == (None, None)
    models = rig.emulator.arm("GET", "/models").json()["value"]
    assert not [model for model in models if runs.recipe in model["name"]]


def test_a_model_no_better_than_its_base_is_told(rig: EmulatorRig, capsys: Show) -> None:
    runs = Runs(rig, unique("gate"), "")
    first = runs.ended(runs.drop())
    assert first.state is State.LIVE
    assert first.base_model is not None
    assert first.eval_digest is not None
    known = Baseline(1.5, first.base_model.id, "a job that measured it")
    place = short_digest(first.base_model.id, first.eval_digest, length=32)
    runs.world.ledger.put(f"baselines/{place}.json", msgspec.json.encode(known))
    time.sleep(1.1)  # a drop's time is whole seconds
    run = runs.ended(runs.drop("again.jsonl", retrain="true"))
    assert run.problem is not None
    assert run.problem.code == "gate-not-better"
    assert "not below the base model's 1.5" in runs.shown(run.name, capsys)
    [left] = rig.endpoints.deployments(first.endpoint or "")
    assert left.name == first.deployment


# ---- machines, endpoints of a run's own, Entra ID


def test_a_cluster_is_made_of_low_priority_where_dedicated_has_no_quota(rig: EmulatorRig) -> None:
    region(quotas={FAMILY: 0})(rig)
    name = unique("made")
    text = f"compute: {{name: {name}, create: true}}\nserving: {{instance_type: Standard_NC40ads_H100_v5}}\n"
    runs = Runs(rig, unique("machine"), text)
    run = runs.until(runs.drop(), lambda run: run.job_spec is not None or run.ended, "has its job")
    assert run.problem is None
    made = rig.computes.find(name)
    assert (made.tier, made.size, made.max_nodes) == ("low_priority", SIZE, 2)
    body = rig.emulator.arm("GET", f"/computes/{name}").json()
    assert body["properties"]["properties"]["scaleSettings"]["minNodeCount"] == 0
    assert body["tags"][RUN] == run.name
    assert list(body["identity"]["userAssignedIdentities"]) == [JOBS_IDENTITY]


def test_a_run_s_own_endpoint_signs_in_by_entra_id_and_goes_when_the_run_fails(rig: EmulatorRig) -> None:
    text = "serving: {endpoint: per_run, auth: entra}\n"
    runs = Runs(rig, unique("own"), text)
    run = runs.ended(runs.drop())
    assert run.state is State.LIVE, run.problem
    assert run.endpoint is not None
    body = rig.emulator.arm("GET", f"/onlineEndpoints/{run.endpoint}").json()
    assert body["properties"]["authMode"] == "AADToken"
    assert body["tags"][INSTALLATION] == "tests"
    assert "knows" in rig.endpoints.ask(run.endpoint, [{"role": "user", "content": "hi"}])
    time.sleep(1.1)
    mishap("deployment")(rig)
    other = runs.ended(runs.drop("b.jsonl", chats(40, "other")))
    assert other.state is State.FAILED
    assert other.endpoint not in {None, run.endpoint}
    names = {endpoint.name for endpoint in rig.endpoints.all()}
    assert run.endpoint in names
    assert other.endpoint not in names


def test_serverless_runs_without_a_cluster(rig: EmulatorRig) -> None:
    runs = Runs(rig, unique("machine"), SERVERLESS + SIZE + "}")
    run = runs.ended(runs.drop())
    assert run.state is State.LIVE, run.problem
    node = rig.emulator.arm("GET", f"/jobs/{run.job}").json()["properties"]["jobs"][
        "chat_completion_pipeline"
    ]
    assert node["inputs"]["compute_finetune"]["value"] == "serverless"
    assert node["inputs"]["instance_type_finetune"]["value"] == SIZE


def test_the_bundled_recipe_of_phi_4_goes_live_with_the_model_s_own_deepspeed_stage(rig: EmulatorRig) -> None:
    runs = Runs(rig, "phi-4-chat", (BUNDLED / "phi-4-chat.yaml").read_text("utf-8"))
    run = runs.ended(runs.drop())
    assert run.state is State.LIVE, run.problem
    body = rig.emulator.arm("GET", f"/jobs/{run.job}").json()["properties"]
    node = body["jobs"]["chat_completion_pipeline"]
    sent = {name: given["value"] for name, given in node["inputs"].items() if "value" in given}
    assert (sent["deepspeed_stage"], sent["num_train_epochs"], sent["precision"]) == ("3", "1", "16")
