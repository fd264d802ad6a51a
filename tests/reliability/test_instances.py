"""Several instances at once, as real threads: compare-and-swap and claims hold, and nobody goes in circles.

Each instance takes messages, hears every event and comes with the minute timer, all at the same time. The
other proof is in points.py: at each single call another instance looks at the run ("crossed"), or takes it
over while the first stands still ("stalled").
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from shared.app.advance import advance
from shared.app.receive import receive
from shared.app.reconcile import reconcile
from shared.domain.errors import Changed, DroptuneError
from shared.domain.run import State
from tests.app.life import chats
from tests.reliability.invariants import broken
from tests.reliability.outside import Outside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.ports import Documents

INSTANCES, DROPS, MOST_TICKS = 4, 4, 150
ENDS = {State.LIVE, State.SUPERSEDED}


@pytest.fixture
def eager() -> Iterator[None]:
    """Let threads change places as often as the interpreter can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


class Swaps:
    """A ledger that counts its compare-and-swaps, by document: won and lost."""

    def __init__(self, documents: Documents) -> None:
        self._documents, self._lock = documents, threading.Lock()
        self.won, self.lost = Counter[str](), Counter[str]()

    def replace(self, name: str, data: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> str:
        try:
            made = self._documents.replace(name, data, etag, metadata)
        except Changed:
            with self._lock:
                self.lost[name] += 1
            raise
        with self._lock:
            self.won[name] += 1
        return made

    def __getattr__(self, method: str) -> Any:
        return getattr(self._documents, method)


class Instance:
    """One of several that work at the same time; what is no error of ours fails the test."""

    def __init__(self, outside: Outside, paths: list[str]) -> None:
        self.outside, self.paths, self.strange = outside, paths, list[Exception]()

    def work(self) -> None:
        life = self.outside.life
        try:
            for path in self.paths:
                name = receive(life.world, path)
                if name is not None:
                    advance(life.world, life.timing, name)
            reconcile(life.world, life.timing)
            life.deliver()
        except DroptuneError:
            return  # the host would send it again
        except Exception as error:  # noqa: BLE001 - told by the test
            self.strange.append(error)


@pytest.mark.parametrize("on_new_data", ["queue", "parallel", "replace"])
@pytest.mark.usefixtures("eager")
def test_four_instances_at_once_make_what_one_makes(on_new_data: str) -> None:
    outside = Outside()
    life = outside.life
    swaps = Swaps(life.world.ledger)
    life.world = replace(life.world, ledger=swaps)
    life.storage.recipes.put("support", f"on_new_data: {on_new_data}\n")
    paths = [f"support/{number}.jsonl" for number in range(DROPS)]
    for number, path in enumerate(paths):
        life.at = life.at.replace(second=number)
        life.storage.drops.put(path, chats(topic=f"topic {number}"), {})
    instances = [Instance(outside, paths) for _ in range(INSTANCES)]
    for _ in range(MOST_TICKS):
        if outside.resting():
            break
        _all_at_once(instances)
        outside.tick()
    assert [str(error) for one in instances for error in one.strange] == []
    seen = outside.a_day_later()
    assert broken(seen) == ()
    states = Counter(run.state for run in seen.runs.values())
    assert (states.total(), states[State.LIVE]) == (DROPS, 1)
    assert states.keys() <= ENDS
    assert max(run.place for run in seen.runs.values()) == next(
        run.place for run in seen.runs.values() if run.state is State.LIVE
    )
    # Nobody tries again without another's success: each write can cost each of the others one try.
    assert {name for name, lost in swaps.lost.items() if lost > (INSTANCES - 1) * swaps.won[name]} == set()
    made = [job.name for job in seen.jobs]
    assert len(made) == len(set(made)) <= DROPS


def _all_at_once(instances: list[Instance]) -> None:
    gate = threading.Barrier(len(instances))

    def work(one: Instance) -> None:
        gate.wait(60)
        one.work()

    threads = [threading.Thread(target=work, args=(one,)) for one in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
