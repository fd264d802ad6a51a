"""The sweep through the real adapters on the emulator: exactly the right things go, each by its rule."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.adapters import credential
from shared.app.sweep import sweep
from shared.domain.lane import Champion, Lane
from shared.domain.run import State
from shared.domain.tags import EXPIRES, INSTALLATION, KEEP, RECIPE, RUN
from tests.app.life import Life
from tests.contract.rigs import _adapters, now
from tests.domain import builders
from tests.local.azureml.rig import Emulator, make_tls
from tests.shelf import Shelf, Thing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from shared.app.sweep_report import SweepReport

pytestmark = pytest.mark.filterwarnings("ignore")

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OURS = {INSTALLATION: "tests"}
LIMITS = (
    "serving: {rollout: [100]}\ncost: {idle_hours: 1, grace_hours: 0, ttl_days: 15, idle_action: delete}\n"
)


class Rig:
    """An emulator with a shelf, and a ledger in memory, by the real clock."""

    def __init__(self, folder: Path) -> None:
        tls = make_tls(folder)
        self.emulator = Emulator(folder, tls, "https://127.0.0.1:9/devstoreaccount1")
        self.emulator.start()
        self.life = Life(at=now())
        self.shelf = Shelf(folder, self.life.at)
        self.life.storage.documents.put("installation", b"tests")
        self.life.storage.recipes.put("support", LIMITS)

    def world(self) -> None:
        found = _adapters(self.emulator)
        self.life.world = replace(
            self.life.world, endpoints=found.endpoints, monitor=found.monitor, prices=found.prices
        )

    def run(self, name: str, state: State, endpoint: str) -> Mapping[str, str]:
        """Write a run into the ledger and give the tags of what it made."""
        made = builders.run(
            state, name=name, recipe_name="support", endpoint=endpoint, deployment=name, due=None
        )
        self.life.ledger.create(made)
        return {**OURS, RECIPE: "support", RUN: name}

    def served(self, name: str, state: State = State.LIVE, **more: object) -> None:
        """Put one endpoint with one deployment of a run there, two days old, with all the traffic."""
        tags = self.run(name, state, name)
        facts = {"age": 2 * DAY, "beats": 2 * DAY, **more}
        thing = Thing(name, tags, **facts)  # type: ignore[arg-type]
        self.shelf.put(name, tags, 2 * DAY, thing, traffic={name: 100})

    def sweep(self) -> SweepReport:
        return sweep(self.life.world, dry_run=False, plan_digest=sweep(self.life.world, dry_run=True).digest)

    def endpoints(self) -> set[str]:
        found = {one.name for one in self.life.world.endpoints.all()}
        below = [self.life.world.endpoints.deployments(name) for name in found]
        return found | {f"{one.endpoint}/{one.name}" for some in below for one in some}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with pytest.MonkeyPatch.context() as patch:
        made = Rig(tmp_path)
        for key, value in made.emulator.environment().items():
            patch.setenv(key, value)
        patch.setattr(credential, "_made", [])
        made.world()
        yield made
        made.shelf.close()
        made.emulator.stop()


def put_one_of_each(rig: Rig) -> dict[str, tuple[str, str]]:
    """Put one thing of every kind there; give action and rule expected of each."""
    old = rig.life.at - DAY
    rig.served("idle")
    rig.served("young", age=HOUR / 2, beats=HOUR / 2)
    rig.served("busy", asked=(HOUR / 4,))
    rig.served("busy-old", age=20 * DAY, beats=20 * DAY, asked=(HOUR / 4,))
    rig.served("no-heartbeat", beats=None)
    tags = rig.run("broken", State.FAILED, "broken")
    rig.shelf.put("broken", tags, DAY, Thing("broken", tags, DAY, "Failed"))
    for name, put in {
        "kept": {KEEP: "the fair"},
        "kept-past": {KEEP: "the fair", EXPIRES: old.isoformat()},
        "expired": {EXPIRES: old.isoformat()},
        "expired-in-use": {EXPIRES: old.isoformat()},
    }.items():
        tags = {**rig.run(name, State.LIVE, name), **put}
        asked = (HOUR / 4,) if "use" in name else ()
        age = HOUR / 2 if name == "expired" else 2 * DAY
        rig.shelf.put(
            name, tags, 2 * DAY, Thing(name, tags, age, beats=age, asked=asked), traffic={name: 100}
        )
    orphan = {**OURS, RECIPE: "support", RUN: "gone"}
    rig.shelf.put("orphan", orphan, DAY, Thing("orphan", orphan, DAY, beats=DAY), traffic={"orphan": 100})
    rig.shelf.put("theirs", {INSTALLATION: "b"}, 9 * DAY, Thing("theirs", {INSTALLATION: "b"}, 9 * DAY))
    rig.shelf.put("foreign", {}, 9 * DAY, Thing("foreign", {}, 9 * DAY, size="Standard_Unheard_Of"))
    rig.shelf.put("empty", {**OURS, RECIPE: "support"}, 90 * DAY)
    _lane(rig)
    return {
        "idle/": ("take", "idle"),
        "young/young": ("keep", "too-young"),
        "busy/busy": ("keep", "in-use"),
        "busy-old/busy-old": ("tell", "old-in-use"),
        "no-heartbeat/no-heartbeat": ("keep", "no-heartbeat"),
        "broken/": ("take", "failed"),
        "kept/": ("keep", "kept"),
        "kept-past/": ("take", "idle"),
        "expired/": ("take", "expired"),
        "expired-in-use/expired-in-use": ("tell", "expired-in-use"),
        "orphan/orphan": ("tell", "run-gone"),
        "theirs/": ("keep", "not-ours"),
        "foreign/": ("keep", "not-ours"),
        "empty/": ("keep", "empty-young"),
        "lane/champ": ("keep", "in-use"),
        "lane/past": ("take", "previous-past-its-time"),
        "lane/third": ("take", "superseded"),
    }


def _lane(rig: Rig) -> None:
    """Put a recipe's endpoint there with champion, previous and the one before."""
    tags = {name: rig.run(name, State.SUPERSEDED, "lane") for name in ("past", "third")}
    tags["champ"] = rig.run("champ", State.LIVE, "lane")
    things = [
        Thing(name, put, 2 * DAY, beats=2 * DAY, asked=(HOUR / 4,) if name == "champ" else ())
        for name, put in tags.items()
    ]
    rig.shelf.put("lane", {**OURS, RECIPE: "support"}, 9 * DAY, *things, traffic={"champ": 100})
    champion = Champion(builders.drop_place("champ"), "lane", "champ", "m", "1", rig.life.at - 2 * HOUR)
    previous = Champion(
        builders.drop_place("past"), "lane", "past", "m", "0", rig.life.at - DAY, rig.life.at - HOUR
    )
    held = rig.life.ledger.lane("support")
    lane = Lane(recipe="support", champion=champion, previous=previous, endpoint="lane")
    rig.life.ledger.save_lane(held, lane)


def test_one_of_each_kind_and_exactly_the_right_ones_go(rig: Rig) -> None:
    expected = put_one_of_each(rig)
    report = rig.sweep()
    assert {v.key: (v.action, v.rule) for v in report.verdicts} == expected
    assert report.errors == {}
    assert {v.key for v in report.taken} == {key for key, (action, _) in expected.items() if action == "take"}
    gone = {key.rstrip("/") for key, (action, _) in expected.items() if action == "take"}
    assert rig.endpoints().isdisjoint(gone)
    stays = {key.rstrip("/") for key, (action, _) in expected.items() if action != "take"}
    assert stays <= rig.endpoints()
    for name in ("idle", "kept-past", "expired", "past", "third"):
        assert rig.life.run(name).state is State.RETIRED, name
    assert rig.life.run("champ").state is State.LIVE
    lane = rig.life.ledger.lane("support").lane
    assert (lane.previous, lane.champion and lane.champion.deployment) == (None, "champ")
    prices = {v.key: v.costs_monthly_usd for v in report.verdicts}
    assert prices["theirs/"] is not None
    assert prices["theirs/"] > 1000
    assert prices["foreign/"] is None
    again = rig.sweep()
    assert (again.taken, again.errors) == ((), {})
    assert {v.key for v in again.verdicts} == {k for k, (action, _) in expected.items() if action != "take"}


def test_figures_that_cannot_be_read_delete_nothing(rig: Rig) -> None:
    rig.served("idle")
    fault = {"route": "GET {ws}/onlineEndpoints/{endpoint}/providers/*", "status": 500, "times": 99}
    rig.emulator.admin("POST", "faults", json=fault)
    report = rig.sweep()
    assert {(v.key, v.action, v.rule) for v in report.verdicts} == {("idle/idle", "keep", "unknown")}
    assert "idle/idle" in rig.endpoints()


def test_what_a_person_keeps_is_tagged_and_seen_by_the_sweep(rig: Rig) -> None:
    from shared.app import keeping

    rig.served("idle")
    rig.shelf.put("foreign", {"team": "b"}, 9 * DAY, Thing("blue", {}, 9 * DAY, beats=9 * DAY))
    keeping.keep(rig.life.world, "idle", None, "the fair")
    keeping.keep(rig.life.world, "idle/idle", None, "the fair, too")
    assert keeping.adopt(rig.life.world, "foreign", "nora") == ["blue"]
    found = {v.key: (v.action, v.rule) for v in rig.sweep().verdicts}
    assert found["idle/"] == ("keep", "kept")
    assert found["foreign/blue"] == ("mark", "idle")
    keeping.unkeep(rig.life.world, "idle")
    found = {v.key: (v.action, v.rule) for v in rig.sweep().verdicts}
    assert found["idle/idle"] == ("keep", "kept")
    keeping.unkeep(rig.life.world, "idle/idle")
    assert [v.key for v in rig.sweep().taken] == ["idle/"]
    assert rig.life.world.endpoints.find("foreign").tags["team"] == "b"


def test_sweeps_at_once_take_each_thing_once(rig: Rig) -> None:
    for n in range(4):
        rig.served(f"idle{n}")
    threads = [
        threading.Thread(target=sweep, args=(rig.life.world,), kwargs={"dry_run": False}) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sweep(rig.life.world, dry_run=False)
    sweep(rig.life.world, dry_run=False)
    assert rig.endpoints() == set()
    for n in range(4):
        assert [c.state for c in rig.life.run(f"idle{n}").history].count(State.RETIRED) == 1


BATCH = "POST /metrics/subscriptions/{subscription}/metrics:getBatch"


def calls(rig: Rig) -> dict[str, int]:
    """Count what was asked of Azure ML and Azure Monitor about endpoints, by kind."""
    found = {"lists": 0, "deployments": 0, "metrics": 0, "batches": 0}
    for what, count in rig.emulator.admin("GET", "requests")["calls"].items():
        if what == "GET {ws}/onlineEndpoints":
            found["lists"] += count
        elif what.endswith("/deployments"):
            found["deployments"] += count
        elif what == BATCH or what.endswith("/metrics"):
            found["metrics"] += count
            found["batches"] += count * (what == BATCH)
    return found


def test_a_sweep_keeps_to_its_line_of_calls_and_says_the_same_where_batches_are_refused(rig: Rig) -> None:
    """One list call a hundred endpoints, one call an endpoint for deployments, one at most for metrics."""
    for n in range(120):
        rig.served(f"e{n:03}", asked=() if n % 3 else (HOUR / 4,))
    before = calls(rig)
    told = {v.key: v.rule for v in sweep(rig.life.world, dry_run=True).verdicts}
    assert sorted(told.values()) == ["idle"] * 80 + ["in-use"] * 40
    made = {what: count - before[what] for what, count in calls(rig).items()}
    assert (made["lists"], made["deployments"]) == (2, 120)
    assert 0 < made["batches"] == made["metrics"] <= 12

    refused = {"route": BATCH, "status": 403, "code": "AuthorizationFailed", "message": "no", "times": 99}
    rig.emulator.admin("POST", "faults", json=refused)
    assert {v.key: v.rule for v in sweep(rig.life.world, dry_run=True).verdicts} == told
