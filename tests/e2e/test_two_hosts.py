"""Two host processes over one Azurite and one Azure ML: they end all as one would, and do nothing twice.

Both hear every event and both timers tick, which is harder than Azure. There a timer's listener runs on the
one instance that holds a lease of a minute on a blob in `azure-webjobs-hosts`; the others look each minute
whether it is free (Azure/azure-webjobs-sdk-extensions, TimerListener.cs, `SingletonMode.Listener`;
Azure/azure-webjobs-sdk, SingletonListener.cs). Two tick at once only where one was away for longer.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.layout import SECOND
from tests.e2e.rig import until
from tests.e2e.two_hosts import ASKED, FIRST, HOSTS, LIMIT, SCHEDULES, TwoHosts

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("two-hosts")]
QUICK = """\
on_new_data: {kind}
serving: {{rollout: {rollout}, step_minutes: 0.02, little_traffic: go, keep_previous_hours: 0.001}}
cost: {{approve_above_usd: null, grace_hours: 0}}
evaluation: {{max_regression: 100, general: null}}
approval: {approval}
"""
RECIPES = {
    "queue": QUICK.format(kind="queue", rollout=[50, 100], approval="never"),
    "parallel": QUICK.format(kind="parallel", rollout=[100], approval="never"),
    "replace": QUICK.format(kind="replace", rollout=[100], approval="never"),
    "overwritten": QUICK.format(kind="queue", rollout=[100], approval="never"),
    "asks": QUICK.format(kind="queue", rollout=[100], approval="gate"),
}
IDLE_SECONDS = 9
SLACK = 120  # seconds after a claim has expired, on a machine with other work
# At rest, a tick's calls of the containers `runs`, `recipes` and `prepared` (tests/reliability/test_idle.py).
MOST_A_TICK = {"reconcile_runs": 8, "clean_endpoints": 30}
MOST_POLLS_A_SECOND = 1.5  # of each queue, by the host; Azure's polls once a minute when nothing comes


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    folder = tmp_path_factory.mktemp("two-hosts")
    recipes = folder / "recipes"
    recipes.mkdir()
    for name, text in RECIPES.items():
        (recipes / f"{name}.yaml").write_text(text)
    made = TwoHosts(folder / "stack", recipes)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_they_end_all_as_one_would(hosts: TwoHosts) -> None:
    first = hosts.drop("overwritten/a.jsonl", 1)
    dropped = [hosts.drop(f"queue/{n}.jsonl", 10 + n) for n in range(2)]
    dropped += [
        hosts.drop(f"{recipe}/{n}.jsonl", 20 + n) for recipe in ("parallel", "replace") for n in range(3)
    ]
    asks = hosts.drop("asks/a.jsonl", 30)
    hosts.await_run(first, lambda _run: True, "is received")
    time.sleep(1.1)  # a drop's time has whole seconds, and the newer one must be newer
    dropped.append(hosts.drop("overwritten/a.jsonl", 2))
    hosts.await_run(dropped[1], lambda run: run["state"] not in {"received", "validating"}, "is no news")
    retrained = hosts.drop("queue/again.jsonl", 11, retrain=True)
    same = [hosts.drop(f"parallel/same-{n}.jsonl", 40) for n in range(2)]
    hosts.await_run(asks, lambda run: run["state"] == "awaiting_approval", "waits for a person")
    hosts.rig.droptune("cancel", asks)
    runs = hosts.await_rest(first, asks, retrained, *dropped, *same)
    hosts.rig.droptune("sweep")
    hosts.await_rest()
    assert hosts.broken() == []
    ends = {run["state"] for name, run in runs.items() if name not in {asks, *same}}
    assert ends <= {"live", "superseded", "retired"}
    assert len(runs) == len(dropped) + 5
    assert runs[asks]["state"] == "cancelled"
    assert Counter(runs[name]["state"] == "unchanged" for name in same) == {True: 1, False: 1}
    live = {run["recipe"]: run["place"] for run in runs.values() if run["state"] == "live"}
    newest = {
        recipe: max(run["place"] for run in runs.values() if _goes_on(run, recipe))
        for recipe in RECIPES
        if recipe != "asks"
    }
    assert live == newest
    _nothing_was_asked_for_twice(hosts, runs)
    for host in HOSTS:
        assert {"advance_run", "reconcile_runs", "clean_endpoints"} <= set(hosts.calls(host)), host


def _goes_on(run: dict[str, Any], recipe: str) -> bool:
    return bool(run["recipe"] == recipe and run["state"] != "unchanged")


def _nothing_was_asked_for_twice(hosts: TwoHosts, runs: dict[str, dict[str, Any]]) -> None:
    made, there = hosts.made(), hosts.rig.azureml("/admin/state")
    once = {
        "jobs": len(there["jobs"]),
        "models": sum(asset.startswith("model ") for asset in there["assets"]),
        "deployments": len({run["deployment"] for run in runs.values() if run["deployment"]}),
    }
    lost = hosts.lost()  # none, but where the machine lets a thread wait for most of a claim
    assert {what: made[what] for what, count in once.items() if made[what] > count + lost} == {}


def test_one_that_stands_still_finds_its_claim_lost_and_does_nothing_more(hosts: TwoHosts) -> None:
    run, owner = _held_by_the_second(hosts, "parallel/stalled.jsonl", 50)
    with hosts.stopped(SECOND):
        seen = len(hosts.log(SECOND))
        ended = hosts.await_run(run, lambda run: run["ended"], "is ended by the other")
        assert ended["state"] == "live", ended
        made = hosts.made()
    until(lambda: f"run {run}: taken over" in hosts.log(SECOND)[seen:], LIMIT, "the stalled one says so")
    hosts.await_ticks(SECOND, seen)
    hosts.await_rest(run)
    assert hosts.made() == made
    assert hosts.broken() == []
    assert hosts.runs()[run]["changes"] == ended["changes"]
    assert owner not in {run["owner"] for run in hosts.runs().values()}


def test_two_idle_ones_ask_at_most_twice_as_much_as_one(hosts: TwoHosts) -> None:
    hosts.await_rest()
    for name, since in {name: len(hosts.log(name)) for name in HOSTS}.items():
        hosts.await_ticks(name, since)
    both = _asked_while_idle(hosts)
    with hosts.stopped(SECOND):
        one = _asked_while_idle(hosts)
    known = ASKED.findall(hosts.log("azurite"))
    assert {"runs", "run-steps"} <= set(known)
    for asked, count in ((one, 1), (both, 2)):
        assert asked.app <= count * asked.most, (both, one)
        assert asked.polls <= count * asked.most_polls, (both, one)
        assert not asked.made, (both, one)


@dataclass(frozen=True)
class Asked:
    """What was asked in so many seconds: of the app's containers, of queues, and for things to be made."""

    seconds: float
    app: int
    polls: int
    made: Counter[str]

    @property
    def most(self) -> float:
        """How many calls of its containers one instance may make."""
        return sum((self.seconds / SCHEDULES[name] + 2) * calls for name, calls in MOST_A_TICK.items())

    @property
    def most_polls(self) -> float:
        """How often one host may look into its two queues."""
        return 2 * MOST_POLLS_A_SECOND * (self.seconds + 2)


def _asked_while_idle(hosts: TwoHosts) -> Asked:
    before, made, begun = len(hosts.log("azurite")), hosts.made(), time.monotonic()
    time.sleep(IDLE_SECONDS)  # the while itself, not a wait for something
    asked = Counter(ASKED.findall(hosts.log("azurite")[before:]))
    return Asked(
        seconds=time.monotonic() - begun,
        app=sum(asked[container] for container in ("runs", "recipes", "prepared")),
        polls=sum(asked[name] for name in asked if name.startswith(("run-steps", "azure-webjobs"))),
        made=Counter(hosts.made()) - Counter(made),
    )


def test_the_work_of_one_that_is_killed_is_taken_over(hosts: TwoHosts) -> None:
    """The last of this file: the second host stays dead."""
    held, owner = _held_by_the_second(hosts, "parallel/killed.jsonl", 60)
    more = [hosts.drop(f"{recipe}/after.jsonl", 61) for recipe in ("queue", "replace")]
    hosts.stack.kill(SECOND)
    killed = hosts.runs()[held]
    assert killed["owner"] == owner, killed
    runs = hosts.await_rest(held, *more)
    assert {runs[name]["state"] for name in (held, *more)} == {"live"}
    assert hosts.broken() == []
    expired = datetime.fromisoformat(killed["until"])
    after = datetime.fromisoformat(runs[held]["changes"][len(killed["changes"])][0])
    assert expired <= after <= expired + timedelta(seconds=SLACK)


def _held_by_the_second(hosts: TwoHosts, path: str, data: int) -> tuple[str, str]:
    """Let the second host claim a run, and Azure ML keep it waiting in the middle; gives run and owner.

    The first sleeps meanwhile, so that it is surely not the one that works; then both are awake.
    """
    hosts.await_rest()
    with hosts.stopped(FIRST):
        hosts.hold_next_job()
        run = hosts.drop(path, data)
        until(hosts.holds, LIMIT, f"{run} submits its job")
    owner = hosts.runs()[run]["owner"]
    assert owner is not None
    return run, str(owner)
