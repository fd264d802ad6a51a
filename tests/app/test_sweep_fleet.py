"""The policy on a small simulated fleet; `dev.py bench fleet` runs the large one (docs/benchmarks.md)."""

from __future__ import annotations

from tests.fleet import Fleet, Ours, peer, run


def test_nothing_that_is_asked_again_goes_and_nearly_all_that_is_stale_does() -> None:
    fleet = Fleet(count=30, days=40, seed=3)
    ours = run(fleet, "ours", Ours())
    other = run(fleet, "peer", peer(15, healthy_only=False))
    assert ours.wrong == 0
    assert ours.share > 0.85
    assert ours.share > other.share + 0.1
    assert not any(thing.gone for thing in fleet.things if thing.kind in {"not ours", "monthly, kept"})
