"""What tests may rely on in the fake beyond the contract: failures on request, and counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.domain.errors import Transient
from shared.ports import (
    Computes,
    DeploymentSpec,
    Endpoints,
    Jobs,
    JobSpec,
    Models,
    ModelVersion,
    Monitor,
    Prices,
)
from tests.fakes.azureml import FakeAzureML

SPEC = JobSpec("acme-a1", "d", "e", "component", "model", {"seed": 1}, {}, {})
NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def fake() -> FakeAzureML:
    return FakeAzureML(lambda: NOW)


def test_every_fake_has_its_port_s_calls(fake: FakeAzureML) -> None:
    """The types say it too; this names a call that a port has gained."""
    ports: list[tuple[type, object]] = [
        (Jobs, fake.jobs),
        (Models, fake.models),
        (Computes, fake.computes),
        (Endpoints, fake.endpoints),
        (Monitor, fake.monitor),
        (Prices, fake.prices),
    ]
    for port, made in ports:
        for name in vars(port):
            assert name.startswith("_") or callable(getattr(made, name)), name


def test_a_failure_comes_before_the_effect(fake: FakeAzureML) -> None:
    fake.fail_next("submit", Transient("t", "Down."), times=2)
    for _ in range(2):
        with pytest.raises(Transient):
            fake.jobs.submit(SPEC)
    assert fake.jobs.names == []
    fake.jobs.submit(SPEC)
    assert (fake.jobs.names, fake.count("submit")) == (["acme-a1"], 3)


def test_a_failure_after_the_effect_is_a_lost_answer(fake: FakeAzureML) -> None:
    fake.fail_next("submit", Transient("t", "Down."), after=True)
    with pytest.raises(Transient):
        fake.jobs.submit(SPEC)
    assert fake.jobs.names == ["acme-a1"]


def test_a_call_that_is_no_call_fails_the_test(fake: FakeAzureML) -> None:
    with pytest.raises(AssertionError, match="names no call"):
        fake.fail_next("submitt", Transient("t", "Down."))
    with pytest.raises(AssertionError, match=r"endpoints\.find"):
        fake.count("find")
    assert fake.count("jobs.find") == 0


def test_a_deployment_can_be_held_released_and_failed(fake: FakeAzureML) -> None:
    fake.models.put("m", "1", {})
    fake.endpoints.create("acme", "key", {})
    fake.endpoints.hold("blue")
    fake.endpoints.deploy(DeploymentSpec("acme", "blue", fake.models.versions[0].id, "size", 1, {}))
    assert fake.endpoints.deployment("acme", "blue").state == "creating"
    with pytest.raises(Transient):
        fake.endpoints.ask("acme", [{"role": "user", "content": "hi"}], "blue")
    fake.endpoints.release("blue")
    assert fake.endpoints.deployment("acme", "blue").state == "succeeded"
    fake.endpoints.fail("acme", "blue", "CUDA out of memory")
    assert fake.endpoints.deployment("acme", "blue").state == "failed"
    assert fake.endpoints.log_tail("acme", "blue") == "CUDA out of memory"


def test_questions_show_in_the_monitor_and_deleted_things_do_not(fake: FakeAzureML) -> None:
    model = ModelVersion("m", "1", {}, "")
    fake.models.put(model.name, model.version, {})
    fake.endpoints.create("acme", "key", {})
    fake.endpoints.deploy(DeploymentSpec("acme", "blue", fake.models.versions[0].id, "size", 1, {}))
    assert fake.endpoints.ask("acme", [{"role": "user", "content": "hi"}], "blue") == "blue heard hi"
    minute = NOW.replace(second=0)
    assert fake.monitor.requests(["acme"], minute, NOW) == {"acme": {"blue": {minute: 1.0}}}
    fake.monitor.beat("acme", "blue", minute, NOW)
    assert fake.monitor.heartbeats([("acme", "blue")], minute, NOW) == {("acme", "blue"): [minute]}
    fake.endpoints.delete("acme")
    assert fake.monitor.requests(["acme"], minute, NOW) == {}
    assert fake.monitor.heartbeats([("acme", "blue")], minute, NOW) == {}
