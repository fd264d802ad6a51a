"""What every implementation of the ports to Azure ML must do: the fake, and the adapters on the emulator."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import AlreadyThere, Changed, Misconfigured, Missing, Permanent, Rejected
from shared.domain.sizes import quota, total
from shared.domain.tags import RUN, SPEC
from shared.ports import ClusterSpec, DeploymentSpec, Failure, JobSpec, ModelVersion
from tests.contract.rigs import COMPUTE, LOCATION, SIZE, FakeRig, Rig, emulator_rig, now, unique
from tests.local.azureml.rig import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.ports import Deployment, Endpoint

# The SDK itself and what it imports warn in many places: that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")

CHAT = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module", params=["fake", "emulator"])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    if request.param == "fake":
        yield FakeRig()
        return
    with (
        pytest.MonkeyPatch.context() as patch,
        emulator_rig(tmp_path_factory.mktemp("contract"), patch) as world,
    ):
        yield world


def spec(rig: Rig, **changes: object) -> JobSpec:
    component, _ = rig.models.component("chat_completion_pipeline", "azureml")
    made = JobSpec(
        name=unique("acme-20261124101500-0a1b2c3d-a"),
        display_name="Phi-4-acme-bs4-cosine-ds2-lora-save_limit1-seqlen-1",
        experiment="chat_completion_Phi-4",
        component=component,
        model_id=rig.models.resolve("Phi-4", "azureml", "latest").id,
        inputs={
            **{f"compute_{step}": COMPUTE for step in ("model_import", "preprocess", "finetune")},
            "num_train_epochs": 1,
            "learning_rate": 5e-6,
            "apply_lora": "true",
        },
        files={f"{part}_file_path": f"run/claim/{part}.jsonl" for part in ("train", "validation", "test")},
        tags={RUN: "run-1"},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def lasting(rig: Rig) -> JobSpec:
    """Describe a job that runs until it is stopped."""
    made = spec(rig)
    return replace(made, inputs={**made.inputs, "seed": 3})


def settled(look: Callable[[], Endpoint | Deployment]) -> Endpoint | Deployment:
    """Look until it is no longer being made, changed or deleted."""

    def still() -> Endpoint | Deployment | None:
        found = look()
        return None if found.state in {"creating", "updating", "deleting"} else found

    found: Endpoint | Deployment = until(still, 60, "it is settled")
    return found


def gone(look: Callable[[], object]) -> bool:
    def missing() -> bool:
        try:
            look()
        except Missing:
            return True
        return False

    return bool(until(missing, 60, "it is gone"))


# Jobs


def test_a_job_that_is_not_there_is_missing(rig: Rig) -> None:
    with pytest.raises(Missing, match="nowhere"):
        rig.jobs.find("nowhere")
    with pytest.raises(Missing):
        rig.jobs.cancel("nowhere")
    with pytest.raises(Missing):
        rig.jobs.metrics("nowhere")
    with pytest.raises(Missing):
        rig.jobs.curves("nowhere")
    with pytest.raises(Missing):
        rig.jobs.tokens("nowhere")
    with pytest.raises(Missing):
        rig.jobs.compared("nowhere")
    assert rig.jobs.failure("nowhere") == Failure()


def test_a_job_is_submitted_once(rig: Rig) -> None:
    asked = lasting(rig)
    first = rig.jobs.submit(asked)
    again = rig.jobs.submit(asked)
    assert (first.name, again.name) == (asked.name, asked.name)
    assert first.started == again.started is not None
    assert again.tags == {RUN: "run-1", SPEC: asked.digest()}
    assert again.url is not None
    assert again.url.startswith("https://")
    assert not again.over
    with pytest.raises(Changed, match=asked.name):
        rig.jobs.submit(replace(asked, inputs={**asked.inputs, "num_train_epochs": 2}))
    rig.jobs.cancel(asked.name)


def test_a_name_that_would_alter_the_url_is_refused(rig: Rig) -> None:
    with pytest.raises(Permanent, match="a/b"):
        rig.jobs.submit(spec(rig, name="a/b"))


def test_a_job_that_ends_well_has_metrics(rig: Rig) -> None:
    asked = spec(rig)
    rig.jobs.submit(asked)
    rig.finish(asked.name)
    found = rig.jobs.find(asked.name)
    assert (found.status, found.over, found.error) == ("completed", True, None)
    metrics = rig.jobs.metrics(asked.name)
    assert metrics.keys() >= {"loss", "eval_loss"}
    assert all(isinstance(value, float) and math.isfinite(value) for value in metrics.values())
    curves = rig.jobs.curves(asked.name)
    assert curves.keys() >= {"loss", "eval_loss"}
    steps = [step for step, _value in curves["loss"]]
    assert len(steps) > 1
    assert steps == sorted(set(steps))
    assert rig.jobs.compared(asked.name) == {}
    assert curves["loss"][-1][1] == metrics["loss"]
    assert rig.jobs.tokens(asked.name)["training"] > 0
    rig.jobs.cancel(asked.name)
    assert rig.jobs.find(asked.name).status == "completed"


def test_a_failed_job_says_why(rig: Rig) -> None:
    asked = lasting(rig)
    rig.jobs.submit(asked)
    rig.fail(asked.name)
    found = rig.jobs.find(asked.name)
    assert (found.status, found.over) == ("failed", True)
    assert found.error
    assert ": " in found.error
    failure = rig.jobs.failure(asked.name)
    assert 0 < len(failure.log) <= 2000
    assert failure.error


def test_a_canceled_job_ends(rig: Rig) -> None:
    asked = lasting(rig)
    rig.jobs.submit(asked)
    rig.jobs.cancel(asked.name)
    until(lambda: rig.jobs.find(asked.name).over, 60, "the job is over")
    assert rig.jobs.find(asked.name).status == "canceled"
    rig.jobs.cancel(asked.name)


# Models


def test_a_base_model_is_resolved_with_its_defaults(rig: Rig) -> None:
    latest = rig.models.resolve("Phi-3-mini-4k-instruct", "azureml", "latest")
    assert (latest.name, latest.version) == ("Phi-3-mini-4k-instruct", "14")
    assert latest.id == "azureml://registries/azureml/models/Phi-3-mini-4k-instruct/versions/14"
    assert latest.defaults["apply_lora"] == "true"
    assert all(isinstance(value, str) for value in latest.tags.values())
    assert rig.models.resolve("Phi-3-mini-4k-instruct", "azureml", "14") == latest
    assert latest.catalogue is not None
    assert SIZE in (latest.catalogue.finetune_sizes or ())
    assert SIZE in (latest.catalogue.inference_sizes or ())
    assert (latest.catalogue.archived, latest.catalogue.retired) == (False, None)


@pytest.mark.parametrize(("name", "version"), [("Phi-99", "latest"), ("Phi-4", "999"), ("Phi-99", "1")])
def test_an_unknown_base_model_is_the_recipe_s_fault(rig: Rig, name: str, version: str) -> None:
    with pytest.raises(Rejected, match=name) as refused:
        rig.models.resolve(name, "azureml", version)
    assert refused.value.problem.code == "base-model-missing"
    assert refused.value.problem.help


def test_a_component_has_inputs_with_types(rig: Rig) -> None:
    component, inputs = rig.models.component("chat_completion_pipeline", "azureml")
    assert component.startswith("azureml://registries/azureml/components/chat_completion_pipeline/versions/")
    assert str(inputs["num_train_epochs"]["type"]) == "integer"
    assert inputs["num_train_epochs"]["min"] == 1
    assert list(inputs["apply_lora"]["enum"]) == ["true", "false"]
    assert inputs["train_file_path"]["type"] == "uri_file"
    with pytest.raises(Misconfigured, match="no_such_pipeline") as refused:
        rig.models.component("no_such_pipeline", "azureml")
    assert refused.value.problem.help


def test_a_cluster_is_looked_at(rig: Rig) -> None:
    found = rig.computes.find(COMPUTE)
    assert (found.name, found.size, found.state, found.max_nodes) == (COMPUTE, SIZE, "succeeded", 2)
    assert (found.tier, found.errors) == ("dedicated", ())
    with pytest.raises(Missing, match="nowhere"):
        rig.computes.find("nowhere")


def test_a_cluster_is_made_once_and_scales_to_nothing(rig: Rig) -> None:
    name = unique("made")
    rig.computes.create(ClusterSpec(name, SIZE, 3, "low_priority", {RUN: "run-1"}))
    until(lambda: rig.computes.find(name).state == "succeeded", 30, "the cluster is there")
    found = rig.computes.find(name)
    assert (found.size, found.max_nodes, found.tier) == (SIZE, 3, "low_priority")
    rig.computes.create(ClusterSpec(name, SIZE, 9, "dedicated", {}))
    assert rig.computes.find(name) == found
    with pytest.raises(Permanent, match="a/b"):
        rig.computes.create(ClusterSpec("a/b", SIZE, 1, "dedicated", {}))


def test_the_region_offers_sizes_with_their_gpus(rig: Rig) -> None:
    found = rig.computes.sizes()
    one = found[SIZE.lower()]
    assert (one.name, one.vcpus, one.gpus) == (SIZE, 24, 1)
    assert found["standard_d12_v2"].gpus == 0
    assert one.family


def test_quotas_are_counted_by_family(rig: Rig) -> None:
    usages = rig.computes.usages()
    family = rig.computes.sizes()[SIZE.lower()].family
    found = quota(usages, family)
    assert found is not None
    assert 0 <= found.used <= found.limit
    assert total(usages, "low_priority") is not None


def trained(rig: Rig) -> str:
    asked = spec(rig)
    rig.jobs.submit(asked)
    rig.finish(asked.name)
    return asked.name


def register(rig: Rig, job: str, **tags: str) -> ModelVersion:
    wanted = ModelVersion(unique("Phi-4-acme"), "1795448567", {RUN: "run-1", **tags}, "")
    return rig.models.register(wanted, f"azureml://jobs/{job}/outputs/trained_model", "Fine-tuned")


def test_a_model_is_registered_once(rig: Rig) -> None:
    job = trained(rig)
    made = register(rig, job, base="Phi-4")
    assert made.tags == {RUN: "run-1", "base": "Phi-4"}
    assert made.id.endswith(f"/models/{made.name}/versions/{made.version}")
    assert rig.models.find(made.name, made.version) == made
    with pytest.raises(AlreadyThere):
        rig.models.register(
            replace(made, tags={RUN: "another"}), f"azureml://jobs/{job}/outputs/trained_model", ""
        )
    assert rig.models.find(made.name, made.version).tags[RUN] == "run-1"
    with pytest.raises(Missing):
        rig.models.find(made.name, "2")
    rig.models.delete(made.name, made.version)
    rig.models.delete(made.name, made.version)
    with pytest.raises(Missing):
        rig.models.find(made.name, made.version)


def test_no_model_comes_from_an_unfinished_job(rig: Rig) -> None:
    asked = lasting(rig)
    rig.jobs.submit(asked)
    with pytest.raises(Permanent):
        register(rig, asked.name)
    rig.jobs.cancel(asked.name)


# Endpoints


@pytest.fixture(scope="module")
def model(rig: Rig) -> ModelVersion:
    return register(rig, trained(rig))


def make_endpoint(rig: Rig, auth: str = "key") -> str:
    name = unique("acme-0a1b2c3d")
    rig.endpoints.create(name, auth, {RUN: "run-1"})
    assert settled(lambda: rig.endpoints.find(name)).state == "succeeded"
    return name


def deploy(rig: Rig, endpoint: str, model: ModelVersion, name: str = "r0123456789") -> None:
    operation = rig.endpoints.deploy(DeploymentSpec(endpoint, name, model.id, SIZE, 1, {RUN: "run-1"}))
    assert operation is not None
    assert settled(lambda: rig.endpoints.deployment(endpoint, name)).state == "succeeded"
    assert rig.endpoints.why(operation) is None


def test_an_endpoint_is_made_and_found(rig: Rig) -> None:
    name = make_endpoint(rig)
    found = rig.endpoints.find(name)
    assert (found.tags, found.traffic, found.location) == ({RUN: "run-1"}, {}, LOCATION)
    assert (found.scoring_url or "").startswith("https://")
    assert found.created is not None
    assert abs(now() - found.created) < timedelta(minutes=5)
    assert name in [endpoint.name for endpoint in rig.endpoints.all()]
    assert rig.endpoints.deployments(name) == []
    with pytest.raises(AlreadyThere, match=name):
        rig.endpoints.create(name, "key", {RUN: "another"})
    assert rig.endpoints.find(name).tags == {RUN: "run-1"}


def test_a_name_that_somebody_else_has_is_taken(rig: Rig) -> None:
    name = unique("acme-0a1b2c3d")
    rig.take_name(name)
    with pytest.raises(AlreadyThere, match=name):
        rig.endpoints.create(name, "key", {})


def test_what_is_not_there_is_missing_or_deleted_already(rig: Rig) -> None:
    with pytest.raises(Missing):
        rig.endpoints.find("nowhere")
    with pytest.raises(Missing):
        rig.endpoints.deployment("nowhere", "nothing")
    with pytest.raises(Missing):
        rig.endpoints.set_traffic("nowhere", {})
    with pytest.raises(Missing):
        rig.endpoints.ask("nowhere", CHAT)
    rig.endpoints.delete("nowhere")
    rig.endpoints.undeploy("nowhere", "nothing")
    assert rig.endpoints.deployments("nowhere") == []
    assert rig.endpoints.log_tail("nowhere", "nothing") == ""


def test_a_deployment_serves_and_takes_the_traffic(rig: Rig, model: ModelVersion) -> None:
    endpoint, deployment = make_endpoint(rig), "r0123456789"
    deploy(rig, endpoint, model, deployment)
    found = rig.endpoints.deployment(endpoint, deployment)
    assert (found.endpoint, found.name, found.model) == (endpoint, deployment, model.id)
    assert (found.instance_type, found.instance_count, found.tags) == (SIZE, 1, {RUN: "run-1"})
    assert rig.endpoints.deployments(endpoint) == [found]
    assert rig.endpoints.ask(endpoint, CHAT, deployment)
    assert len(rig.endpoints.log_tail(endpoint, deployment)) <= 2000
    with pytest.raises(Missing):
        rig.endpoints.ask(endpoint, CHAT)
    rig.endpoints.set_traffic(endpoint, {deployment: 100})
    settled(lambda: rig.endpoints.find(endpoint))
    assert rig.endpoints.find(endpoint).traffic == {deployment: 100}
    assert rig.endpoints.find(endpoint).tags == {RUN: "run-1"}
    assert rig.endpoints.ask(endpoint, CHAT)


def test_traffic_moves_from_one_deployment_to_another(rig: Rig, model: ModelVersion) -> None:
    endpoint = make_endpoint(rig)
    deploy(rig, endpoint, model, "blue")
    rig.endpoints.set_traffic(endpoint, {"blue": 100})
    settled(lambda: rig.endpoints.find(endpoint))
    deploy(rig, endpoint, model, "green")
    rig.endpoints.set_traffic(endpoint, {"blue": 90, "green": 10})
    settled(lambda: rig.endpoints.find(endpoint))
    assert rig.endpoints.find(endpoint).traffic == {"blue": 90, "green": 10}
    rig.endpoints.set_traffic(endpoint, {"green": 100})
    settled(lambda: rig.endpoints.find(endpoint))
    assert rig.endpoints.find(endpoint).traffic == {"green": 100}
    rig.endpoints.set_traffic(endpoint, {"green": 100}, {"blue": 20})
    settled(lambda: rig.endpoints.find(endpoint))
    found = rig.endpoints.find(endpoint)
    assert (found.traffic, found.mirror) == ({"green": 100}, {"blue": 20})
    with pytest.raises(Permanent):
        rig.endpoints.set_traffic(endpoint, {"green": 100}, {"blue": 60})
    rig.endpoints.set_traffic(endpoint, {"green": 100})
    settled(lambda: rig.endpoints.find(endpoint))
    assert rig.endpoints.find(endpoint).mirror == {}
    with pytest.raises(Permanent):
        rig.endpoints.set_traffic(endpoint, {"yellow": 100})
    rig.endpoints.undeploy(endpoint, "blue")
    assert gone(lambda: rig.endpoints.deployment(endpoint, "blue"))
    rig.endpoints.delete(endpoint)
    assert gone(lambda: rig.endpoints.find(endpoint))
    assert gone(lambda: rig.endpoints.deployment(endpoint, "green"))


def test_an_endpoint_of_entra_answers(rig: Rig, model: ModelVersion) -> None:
    endpoint = make_endpoint(rig, auth="entra")
    deploy(rig, endpoint, model)
    assert rig.endpoints.ask(endpoint, CHAT, "r0123456789")


def test_a_deployment_needs_its_endpoint(rig: Rig, model: ModelVersion) -> None:
    with pytest.raises(Missing):
        rig.endpoints.deploy(DeploymentSpec("nowhere", "r0123456789", model.id, SIZE, 1, {}))


# Figures


def test_requests_are_counted_by_deployment_and_minute(rig: Rig, model: ModelVersion) -> None:
    begun, endpoint = now(), make_endpoint(rig)
    deploy(rig, endpoint, model)
    assert rig.monitor.requests([endpoint], begun - timedelta(minutes=1), now()) == {endpoint: {}}
    for _ in range(2):
        rig.endpoints.ask(endpoint, CHAT, "r0123456789")
    span = (begun - timedelta(minutes=1), now() + timedelta(minutes=1))
    found = rig.monitor.requests([endpoint], *span)[endpoint]
    assert found.keys() == {"r0123456789"}
    assert sum(found["r0123456789"].values()) == 2
    for minute in found["r0123456789"]:
        assert minute.utcoffset() == timedelta(0)
        assert (minute.second, minute.microsecond) == (0, 0)
        assert begun - timedelta(minutes=1) <= minute <= now()
    earlier = rig.monitor.requests([endpoint], begun - timedelta(hours=2), begun - timedelta(hours=1))
    assert earlier == {endpoint: {}}


def test_many_are_read_in_one_go(rig: Rig, model: ModelVersion) -> None:
    begun, endpoints = now(), [make_endpoint(rig) for _ in range(2)]
    for endpoint in endpoints:
        deploy(rig, endpoint, model)
    rig.endpoints.ask(endpoints[0], CHAT, "r0123456789")
    span = (begun - timedelta(minutes=1), now() + timedelta(minutes=1))
    found = rig.monitor.requests([*endpoints, "nowhere"], *span)
    assert found.keys() >= {*endpoints}
    assert sum(found[endpoints[0]]["r0123456789"].values()) == 1
    assert not found[endpoints[1]]
    assert not found.get("nowhere")
    one, other, never = [(name, "r0123456789") for name in endpoints] + [(endpoints[0], "never")]
    beats = rig.monitor.heartbeats([one, never, other], *span)
    assert beats.keys() >= {one, other}
    assert not beats.get(never)


def test_outcomes_and_latency_are_told_by_deployment(rig: Rig, model: ModelVersion) -> None:
    begun, endpoint = now(), make_endpoint(rig)
    deploy(rig, endpoint, model)
    for _ in range(2):
        rig.endpoints.ask(endpoint, CHAT, "r0123456789")
    span = (begun - timedelta(minutes=1), now() + timedelta(minutes=1))
    found = rig.monitor.outcomes(endpoint, *span)
    assert found.keys() == {"r0123456789"}
    assert {status: sum(points.values()) for status, points in found["r0123456789"].items()} == {200: 2}
    latency = rig.monitor.latency(endpoint, *span)["r0123456789"]
    assert latency.keys() == found["r0123456789"][200].keys()
    assert all(0 < seconds < 60 for seconds in latency.values())
    with pytest.raises(Missing):
        rig.monitor.outcomes("nowhere", *span)
    with pytest.raises(Missing):
        rig.monitor.latency("nowhere", *span)


def test_a_deployment_that_never_was_has_no_heartbeat(rig: Rig) -> None:
    endpoint = make_endpoint(rig)
    assert rig.monitor.heartbeats([(endpoint, "never")], now() - timedelta(hours=1), now()) == {}
    assert rig.monitor.requests(["nowhere"], now() - timedelta(hours=1), now()) == {}


def test_a_price_is_known_or_unknown_never_nought(rig: Rig) -> None:
    assert rig.computes.location() == LOCATION
    price = rig.prices.hourly_usd(SIZE, LOCATION)
    assert price is not None
    assert price > 0
    assert rig.prices.hourly_usd("Standard_No_Such_Size", LOCATION) is None


def test_tags_are_written_whole(rig: Rig) -> None:
    name = unique("tagged")
    rig.endpoints.create(name, "key", {"a": "1"})
    settled(lambda: rig.endpoints.find(name))
    rig.endpoints.tag(name, {"b": "2"})
    assert rig.endpoints.find(name).tags == {"b": "2"}
    with pytest.raises(Missing):
        rig.endpoints.tag(name, {}, "nowhere")
    with pytest.raises(Missing):
        rig.endpoints.tag("nowhere", {})
    rig.endpoints.delete(name)


def test_the_newest_jobs_and_all_clusters_are_listed(rig: Rig) -> None:
    asked = lasting(rig)
    rig.jobs.submit(asked)
    newest = {job.name: job for job in rig.jobs.newest(5)}
    assert newest[asked.name].tags[RUN] == "run-1"
    assert not newest[asked.name].over
    assert len(rig.jobs.newest(1)) == 1
    rig.jobs.cancel(asked.name)
    assert {cluster.name: cluster.size for cluster in rig.computes.all()}[COMPUTE] == SIZE
