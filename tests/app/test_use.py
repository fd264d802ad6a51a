"""Figures of several endpoints in one go: few calls, bounded memory, nobody's figures taken for another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.app import use
from shared.app.sweep import sweep
from shared.domain.errors import Transient
from shared.domain.idle import Traffic
from shared.domain.recipe import Cost, Recipe
from shared.domain.sweep import DeploymentFacts, EndpointFacts
from shared.domain.tags import ADOPTED, INSTALLATION
from shared.ports import DeploymentSpec, ModelVersion
from tests.app.life import Life

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def facts(name: str, deployments: int, hours: float) -> EndpointFacts:
    found = tuple(
        DeploymentFacts(f"d{n}", "succeeded", {}, NOW, Traffic(known=False)) for n in range(deployments)
    )
    recipe = Recipe(cost=Cost(idle_hours=hours))
    return EndpointFacts(name, "succeeded", {}, NOW, "tests", recipe=recipe, deployments=found)


FLEETS = st.lists(
    st.tuples(st.integers(1, 20), st.sampled_from([0.5, 24.0, 72.0, 400.0, 720.0])), max_size=60
).map(lambda shapes: [facts(f"e{n}", *shape) for n, shape in enumerate(shapes)])


@given(FLEETS)
def test_batches_are_a_partition_of_alike_windows_within_bounds(fleet: list[EndpointFacts]) -> None:
    found = use.batches(fleet)
    assert sorted(one.name for some in found for one in some) == sorted(one.name for one in fleet)
    for some in found:
        assert len({one.recipe.cost.idle_hours for one in some}) == 1
        points = sum(len(one.deployments) for one in some) * some[0].recipe.cost.idle_hours * 60
        assert points <= use.POINTS or len(some) <= use.LEAST


@given(FLEETS)
def test_two_questions_a_batch_are_one_an_endpoint_at_most(fleet: list[EndpointFacts]) -> None:
    windows = len({one.recipe.cost.idle_hours for one in fleet})
    assert 2 * len(use.batches(fleet)) <= len(fleet) + windows


def shelved(life: Life, count: int) -> list[str]:
    """Put adopted endpoints there; every fifth was asked something five minutes ago."""
    life.storage.documents.put("installation", b"tests")
    life.storage.recipes.put("default", "cost: {idle_hours: 1, grace_hours: 1}\n")
    fake = life.azureml
    fake.models.put("m", "1", {})
    names = [f"e{n:03}" for n in range(count)]
    tags = {INSTALLATION: "tests", ADOPTED: "yes"}
    for name in names:
        fake.endpoints.create(name, "key", tags)
        fake.endpoints.deploy(DeploymentSpec(name, "d", model_of(life).id, "size", 1, tags))
    life.at += timedelta(hours=3)
    for n, name in enumerate(names):
        fake.monitor.beat(name, "d", life.at - timedelta(hours=3), life.at)
        if n % 5 == 0:
            fake.monitor.asked(name, "d", life.at - timedelta(minutes=5))
    return names


def model_of(life: Life) -> ModelVersion:
    return life.azureml.models.versions[0]


def test_many_endpoints_are_read_in_few_questions() -> None:
    life = Life()
    names = shelved(life, 100)
    report = sweep(life.world, dry_run=True)
    told = {verdict.endpoint: verdict.rule for verdict in report.verdicts}
    assert told == {name: "idle" if n % 5 else "in-use" for n, name in enumerate(names)}
    asked = life.azureml.count("monitor.requests") + life.azureml.count("monitor.heartbeats")
    assert asked <= 4


def test_a_batch_that_cannot_be_read_leaves_all_of_its_endpoints_unknown() -> None:
    life = Life()
    shelved(life, 10)
    for call in ("monitor.requests", "monitor.heartbeats"):
        life.azureml.fail_next(call, Transient("azureml-unavailable", "away"))
        rules = {verdict.rule for verdict in sweep(life.world, dry_run=True).verdicts}
        assert rules == ({"unknown"} if call == "monitor.requests" else {"unknown", "in-use"})
