"""Azure ML answers nothing for a while, at the emulator: the run waits with growing delay and goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from shared.app import views
from shared.app.advance import advance
from shared.app.ledger import Ledger
from shared.domain.run import State
from shared.domain.timing import Timing
from tests.contract.rigs import EmulatorRig, emulator_rig, now, unique
from tests.contract.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

# The SDK itself and what it imports warn in many places: that is not what is tested here.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("away")]
RECIPE = "serving: {rollout: [100]}\n"
AWAY = {"route": "* {ws}/*", "status": 503, "times": 10_000}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorRig]:
    with (
        pytest.MonkeyPatch.context() as patch,
        emulator_rig(tmp_path_factory.mktemp("away"), patch) as world,
    ):
        yield world


class Clock:
    """The app's clock and the emulator's, set to the same instant."""

    def __init__(self, rig: EmulatorRig) -> None:
        self._rig, self.at = rig, now()

    def __call__(self) -> datetime:
        return self.at

    def set(self, at: datetime) -> None:
        self.at = at
        self._rig.emulator.admin("POST", "clock", json={"now": at.isoformat()})


def test_azure_ml_is_away_for_half_an_hour(rig: EmulatorRig) -> None:
    runs, clock = Runs(rig, unique("away"), RECIPE), Clock(rig)
    runs.world = replace(runs.world, now=clock)
    name = runs.drop()
    runs.until(name, lambda run: run.state is State.TRAINING and run.job_spec is not None, "has a job")
    rig.emulator.admin("POST", "faults", json=AWAY)
    began, looks = clock.at, list[datetime]()
    while clock.at < began + timedelta(minutes=30):
        advance(runs.world, Timing(), name)
        looks.append(clock.at)
        due = runs.load(name).due
        assert due is not None
        clock.set(due)
    run = runs.load(name)
    assert (run.state, run.failing_since) == (State.TRAINING, began)
    gaps = [later - earlier for earlier, later in pairwise(looks)]
    assert gaps == sorted(gaps)
    assert gaps[-1] >= timedelta(minutes=5)
    assert len(looks) < 15
    [line] = views.lines(Ledger(runs.world.ledger), 10)
    assert line["reason"].startswith(f"tries again since {began:%Y-%m-%d %H:%M} UTC: ")
    rig.emulator.admin("DELETE", "faults")
    ended = runs.ended(name)
    assert (ended.state, ended.failing_since) == (State.LIVE, None)
    assert [job.name for job in rig.jobs.newest(10)] == [f"{name}-a1"]
