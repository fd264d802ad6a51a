"""A process dies, or every event is lost: the run still ends live, and nothing is made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.rig import Rig, chats, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
ONE_OF_EACH = {"jobs": 1, "models": 1, "endpoints": 1, "deployments": 1}


@pytest.mark.xdist_group("kills")
def test_a_host_killed_while_the_job_runs(own_rig: Rig, tmp_path: Path) -> None:
    run = own_rig.drop(chats(tmp_path / "a.jsonl", "kill", rows=120), "tiny")
    own_rig.await_state(run, "training")
    own_rig.stack.kill("host")
    assert "host" not in own_rig.stack.running()
    own_rig.stack.start()
    own_rig.await_state(run, "live")
    assert own_rig.made_for(run) == ONE_OF_EACH


@pytest.mark.xdist_group("kills")
def test_a_host_killed_in_every_state(own_rig: Rig, tmp_path: Path) -> None:
    run = own_rig.drop(chats(tmp_path / "a.jsonl", "kill", rows=60), "tiny")
    for state in ("queued", "training", "registering", "deploying", "testing"):
        _await_reached(own_rig, run, state)
        own_rig.stack.kill("host")
        own_rig.stack.start()
    own_rig.await_state(run, "live")
    assert own_rig.made_for(run) == ONE_OF_EACH


@pytest.mark.xdist_group("no-events")
def test_with_all_events_lost_timers_alone_bring_it_live(own_rig: Rig, tmp_path: Path) -> None:
    own_rig.post(f"{own_rig.stack.url('relay')}/admin/faults", {"lose": 1.0})
    own_rig.post(f"{own_rig.stack.url('azureml')}/admin/events/faults", {"lose": 1.0})
    run = own_rig.drop(chats(tmp_path / "a.jsonl", "silent"), "tiny")
    until(lambda: own_rig.run("show", run, "--json").returncode == 0, 60, "the listing finds the drop")
    own_rig.await_state(run, "live")
    assert own_rig.made_for(run) == ONE_OF_EACH


def _await_reached(rig: Rig, run: str, state: str) -> None:
    def reached() -> bool:
        done = rig.run("show", run, "--json")
        return done.returncode == 0 and f'"state": "{state}"' in done.stdout

    until(reached, 120, f"{run} has reached {state}")
