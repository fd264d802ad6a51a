"""What bills beside endpoints, told and never taken: clusters that never rest, jobs that no run minds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.errors import DroptuneError
from shared.domain.run import ENDS
from shared.domain.survey import Finding
from shared.domain.sweep import HOURS_A_MONTH
from shared.domain.tags import INSTALLATION, RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.app.ledger import Ledger
    from shared.domain.survey import Cluster
    from shared.ports import Job, World

NEWEST = 200  # two pages: a job that runs on is among the newest, for it lives three weeks at most


def beside(world: World, ledger: Ledger) -> tuple[tuple[Finding, ...], dict[str, DroptuneError]]:
    """Look for both. What cannot be listed is an error by its name, and hinders nothing else."""
    found: list[Finding] = []
    errors: dict[str, DroptuneError] = {}
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "the clusters": lambda: _restless(world),
        "the jobs": lambda: _orphans(world, ledger),
    }
    for what, look in looks.items():
        try:
            found += look()
        except DroptuneError as error:
            errors[what] = error
    return tuple(found), errors


def _restless(world: World) -> Iterator[Finding]:
    """Name the clusters that keep nodes when nothing runs, and what these cost."""
    for cluster in world.computes.all():
        if cluster.min_nodes > 0 and cluster.state != "deleting":
            what = f"The cluster {cluster.name} keeps {cluster.min_nodes} x {cluster.size} when nothing runs"
            mend = f"az ml compute update --name {cluster.name} --min-instances 0"
            message = f"{what}: {_money(world, cluster)}."
            yield Finding("compute-always-on", "warning", message, f"Let it scale to nothing: {mend}")


def _money(world: World, cluster: Cluster) -> str:
    hourly = world.prices.hourly_usd(cluster.size, world.computes.location(), cluster.tier)
    if hourly is None:
        return "nobody knows the price"
    return f"${hourly * cluster.min_nodes * HOURS_A_MONTH:,.0f} a month"


def _orphans(world: World, ledger: Ledger) -> Iterator[Finding]:
    """Name our jobs that still run though their run has ended or is not in the ledger."""
    for job in world.jobs.newest(NEWEST):
        if job.over or job.tags.get(INSTALLATION) != world.installation:
            continue
        why = _unminded(ledger, job)
        if why:
            mend = f"Look at it ({job.url or 'in the studio'}), then: az ml job cancel --name {job.name}"
            yield Finding("job-orphaned", "warning", f"The job {job.name} is {job.status}, but {why}.", mend)


def _unminded(ledger: Ledger, job: Job) -> str:
    """Say why nobody minds a job; empty where its run is on its way."""
    name = job.tags.get(RUN, "")
    state = ledger.state(name) if name else None
    if state is None:
        return f"its run {name or 'has no name and'} is not in the ledger"
    return f"its run {name} is {state}" if state in ENDS else ""
