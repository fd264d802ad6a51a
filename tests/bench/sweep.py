"""One sweep over 1,000 endpoints with 2,000 deployments, in the emulator's store: calls, time, memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from shared.adapters import credential
from shared.app.sweep import sweep
from shared.domain.lane import Champion, Lane
from shared.domain.run import State
from shared.domain.tags import INSTALLATION, RECIPE, RUN
from tests.app.life import Life
from tests.contract.rigs import _adapters, now
from tests.domain import builders
from tests.local.azureml.rig import Emulator, make_tls
from tests.shelf import Shelf, Thing

ENDPOINTS, QUIET = 1000, 10  # every tenth is quiet
DAY = timedelta(days=1)
LIMITS = "cost: {idle_hours: 72, grace_hours: 24}\n"


BATCH = "POST /metrics/subscriptions/{subscription}/metrics:getBatch"
REFUSED = {"route": BATCH, "status": 403, "code": "AuthorizationFailed", "message": "no role", "times": 10**6}


def main() -> None:
    """Measure in children of their own, whose memory is the sweep's alone: in batches, and one by one."""
    with tempfile.TemporaryDirectory() as folder:
        tls = make_tls(Path(folder))
        emulator = Emulator(Path(folder), tls, "https://127.0.0.1:9/devstoreaccount1")
        emulator.start()
        try:
            place = {"folder": folder, "url": emulator.url, "environment": emulator.environment()}
            for what, allowed in (("many in one call", True), ("one by one: batches are refused", False)):
                print(what)
                if not allowed:
                    emulator.admin("POST", "faults", json=REFUSED)
                before = _calls(emulator)
                told = json.dumps({**place, "fill": allowed})
                given = [sys.executable, "-X", "faulthandler", "-m", "tests.bench.sweep", told]
                subprocess.run(given, check=True)
                _tell(before, _calls(emulator))
        finally:
            emulator.stop()


def _calls(emulator: Emulator) -> dict[str, int]:
    found: dict[str, int] = emulator.admin("GET", "requests")["calls"]
    return found


def _tell(before: dict[str, int], after: dict[str, int]) -> None:
    made = {what: count - before.get(what, 0) for what, count in sorted(after.items())}
    shown = {
        what: count for what, count in made.items() if count and ("onlineEndpoints" in what or what == BATCH)
    }
    for what, count in shown.items():
        print(f"{count:6}  {what}")
    metrics = sum(count for what, count in shown.items() if "metrics" in what)
    print(f"{metrics:6}  metrics calls in all (at most {ENDPOINTS}, one an endpoint)")


def child(place: dict[str, Any]) -> None:
    import os
    import resource

    os.environ.update(place["environment"])  # noqa: TID251 - a child of this bench alone
    life = _fleet(Path(str(place["folder"])), fill=bool(place["fill"]))
    emulator = mock.Mock(url=place["url"])
    credential._made.clear()
    found = _adapters(emulator)
    world = replace(life.world, endpoints=found.endpoints, monitor=found.monitor, prices=found.prices)
    found.computes.location()  # what is imported once is no sweep's
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begun = time.perf_counter()
    report = sweep(world, dry_run=True)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rules: dict[str, int] = {}
    for one in report.verdicts:
        rules[one.rule] = rules.get(one.rule, 0) + 1
    print(f"{len(report.verdicts)} verdicts in {seconds:.0f} s: {rules}; {len(report.errors)} errors")
    print(f"memory: {before:.0f} MB before, {peak:.0f} MB at the peak")


def _fleet(folder: Path, *, fill: bool) -> Life:
    """Each endpoint: a champion and its predecessor; recipes of their own, runs in the ledger.

    fill: put the endpoints into the emulator's store too; they are there already else.
    """
    life = Life(at=now())
    shelf = Shelf(folder, life.at)
    life.storage.documents.put("installation", b"tests")
    for n in range(ENDPOINTS):
        recipe = f"r{n}"
        life.storage.recipes.put(recipe, LIMITS)
        tags = {INSTALLATION: "tests", RECIPE: recipe}
        things = []
        for role, state in (("champ", State.LIVE), ("past", State.SUPERSEDED)):
            run = f"{recipe}-{role}"
            life.ledger.create(
                builders.run(state, name=run, recipe_name=recipe, endpoint=f"e{n:04}", deployment=role)
            )
            asked = (timedelta(hours=1),) if n % QUIET and role == "champ" else ()
            things.append(Thing(role, {**tags, RUN: run}, 9 * DAY, beats=9 * DAY, asked=asked))
        if fill:
            shelf.put(f"e{n:04}", tags, 9 * DAY, *things, traffic={"champ": 100})
        place = builders.drop_place(f"{recipe}-past")
        previous = Champion(place, f"e{n:04}", "past", "m", "0", life.at - DAY, life.at + DAY)
        lane = Lane(recipe=recipe, previous=previous, endpoint=f"e{n:04}")
        life.ledger.save_lane(life.ledger.lane(recipe), lane)
    shelf.close()
    return life


if __name__ == "__main__":
    child(json.loads(sys.argv[1]))
