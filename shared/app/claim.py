"""A claim on a run: one worker at a time, renewed while it works, inherited when it dies."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import json
from msgspec.structs import replace

from shared.domain.errors import Busy, Changed
from shared.domain.run import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.app.ledger import Held, Ledger
    from shared.domain.run import Run
    from shared.ports import World


OTHERS = ("wishes", "told", "heard")  # fields that others write too, claim or no claim


class ClaimLost(Changed):
    """Another worker took the run over; what this one still does counts for nothing."""


class Work:
    """A claimed run. Every write goes through `update`, which keeps what others appended meanwhile."""

    def __init__(self, world: World, ledger: Ledger, held: Held, owner: str, seconds: float) -> None:
        self.world = world
        self.ledger = ledger
        self._held = held
        self._owner = owner
        self._length = timedelta(seconds=seconds)
        self._lock = threading.Lock()
        self._lost = False

    @property
    def run(self) -> Run:
        """The run as last written or read."""
        return self._held.run

    def update(self, change: Callable[[Run], Run]) -> Run:
        """Write `change(run)`; over somebody else's write it is done again on theirs. Raises ClaimLost.

        Lost is lost for good, whichever thread found it: the version that it read is another's to write over.

        A write whose answer was lost may meet itself: storage's client tries again, and finds what its first
        try wrote. Then it is done already, and must not be done twice.
        """
        with self._lock:
            while True:
                if self._lost:
                    what = f"The run {self.run.name} was taken over by another worker."
                    raise ClaimLost("claim-lost", what)
                wanted = change(self._held.run)
                try:
                    self._held = self.ledger.save(self._held, wanted)
                except Changed:
                    if not self._has_landed(wanted):
                        continue
                return self._held.run

    def renew(self) -> None:
        """Move the claim's end on; raises ClaimLost. One that was released meanwhile stays so."""
        until = self.world.now() + self._length
        self.update(lambda run: replace(run, claim=run.claim and Claim(self._owner, until)))

    def renew_if_short(self) -> None:
        """Renew a claim of which less than two thirds are left: no effect starts on a short one."""
        claim = self.run.claim
        if claim is None or claim.until - self.world.now() < self._length * 2 / 3:
            self.renew()

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Renew in the background while an effect goes on, however long it takes."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(self._length.total_seconds() / 3):
                try:
                    self.renew()
                except Changed:
                    return  # the next `update` tells the worker

        thread = threading.Thread(target=beat, name=f"claim-{self.run.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _has_landed(self, wanted: Run) -> bool:
        """Read the run again, and tell whether it is what we wrote, but for what others may append.

        Where it is not, see whether it is ours still.
        """
        self._held = self.ledger.load(self._held.run.name)
        found = self._held.run
        theirs = {name: getattr(wanted, name) for name in OTHERS}
        # As bytes: figures that were written as tuples are read as lists.
        if json.encode(replace(found, **theirs)) == json.encode(wanted):
            return True
        self._lost = found.claim is None or found.claim.owner != self._owner
        return False


def take(world: World, ledger: Ledger, held: Held, seconds: float) -> Work:
    """Claim a run, or raise Busy where a living claim stands. Taking a dead one over counts as an attempt.

    Raises Changed where another worker was quicker.
    """
    now, claim = world.now(), held.run.claim
    if claim is not None and claim.until > now:
        raise Busy("claimed", f"The run {held.run.name} is being worked on until {claim.until:%H:%M:%S} UTC.")
    owner = world.new_id()
    mine = replace(
        held.run,
        claim=Claim(owner, now + timedelta(seconds=seconds)),
        attempts=held.run.attempts + (1 if claim is not None else 0),
        deaths=held.run.deaths + (1 if claim is not None else 0),
    )
    return Work(world, ledger, ledger.save(held, mine), owner, seconds)
