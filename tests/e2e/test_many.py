"""Twenty files over four recipes at once: none lost, none doubled, each recipe's newest is champion."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e.rig import Rig, chats, until

if TYPE_CHECKING:
    from pathlib import Path

ENDS = {"live", "superseded", "retired"}  # the sweep takes what is not the way back any more


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("many")
def test_twenty_drops_over_four_recipes(own_rig: Rig, tmp_path: Path) -> None:
    def drop(number: int) -> tuple[str, str]:
        recipe = f"lane-{'abcd'[number % 4]}"
        return recipe, own_rig.drop(chats(tmp_path / f"{number}.jsonl", f"topic {number}"), recipe)

    with ThreadPoolExecutor(4) as pool:
        dropped = list(pool.map(drop, range(20)))

    def all_ended() -> dict[str, str] | None:
        states = {row["run"]: row["state"] for row in own_rig.droptune("runs", "--limit", "50")}
        assert not set(states.values()) & {"failed", "rejected", "cancelled", "unchanged"}, states
        return states if len(states) == 20 and set(states.values()) <= ENDS else None

    states = until(all_ended, 800, "twenty runs have ended")
    assert sorted(states) == sorted(run for _recipe, run in dropped)
    jobs = [job["name"] for job in own_rig.azureml("/admin/state")["jobs"]]
    assert sorted(jobs) == sorted(f"{run}-a1" for run in states)
    for recipe in {recipe for recipe, _run in dropped}:
        mine = [run for found, run in dropped if found == recipe]
        newest = max(mine, key=lambda run: (own_rig.show(run)["drop"]["modified"], run))
        assert [run for run in mine if states[run] == "live"] == [newest]
