"""What bills beside endpoints is told, and never taken."""

from __future__ import annotations

from dataclasses import replace

from shared.app.sweep import sweep
from shared.domain.errors import Transient
from tests.app.life import Life


def told(life: Life) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in sweep(life.world, dry_run=True).beside]


def test_a_cluster_that_keeps_nodes_is_told_with_its_price() -> None:
    life = Life()
    assert told(life) == []
    clusters = life.azureml.computes.clusters
    clusters["gpu-cluster"] = replace(clusters["gpu-cluster"], min_nodes=2)
    ((code, message),) = told(life)
    assert code == "compute-always-on"
    assert "keeps 2 x Standard_NC24ads_A100_v4 when nothing runs: $5,363 a month" in message
    life.azureml.prices.hourly.clear()
    assert "nobody knows the price" in told(life)[0][1]


def test_a_job_whose_run_is_gone_is_told_and_left_running() -> None:
    life = Life()
    name = life.drop()
    life.until(name, "training")
    life.tick()
    assert told(life) == []
    life.world.ledger.delete(f"r/{name}.json")
    ((code, message),) = told(life)
    assert code == "job-orphaned"
    assert f"The job {name}-a1 is running, but its run {name} is not in the ledger" in message
    assert life.azureml.count("jobs.cancel") == 0
    life.azureml.jobs.finish(f"{name}-a1")
    assert told(life) == []


def test_what_cannot_be_listed_hinders_nothing_else() -> None:
    life = Life()
    life.azureml.fail_next("jobs.newest", Transient("azureml-unavailable", "away"))
    report = sweep(life.world, dry_run=False)
    assert list(report.errors) == ["the jobs"]
