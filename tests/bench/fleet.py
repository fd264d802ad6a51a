"""What the sweep saves on a simulated fleet, against two peers on the same trace (tests/fleet.py)."""

from __future__ import annotations

import time

from tests.fleet import Fleet, compare


def main() -> None:
    begun = time.perf_counter()
    fleet = Fleet()
    outcomes = compare(fleet)
    print(f"{len(fleet.things)} endpoints, {(fleet.end - fleet.begin) // 1440} days, seed 8")
    print(f"stale cost ${outcomes[0].stale:,.0f}")
    for one in outcomes:
        print(f"{one.policy:<38} wrong {one.wrong:3}  taken {one.taken:3}  stale cost gone {one.share:6.1%}")
    print(f"{time.perf_counter() - begun:.0f} s")
