"""A host in one process, for victims.py: it calls what the triggers call, and lets time pass between.

The app's clock runs ahead by a minute each tick, so that no timer need be waited for; messages that are to be
visible later never come. What is waited for is Azure ML alone, past the tap: so each undisturbed life makes
the same calls.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import time
import traceback
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from shared import settings, wiring
from shared.app.advance import advance
from shared.app.ledger import Ledger
from shared.app.receive import receive
from shared.app.reconcile import reconcile
from tests.reliability.tap import tapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.adapters.storage import StoragePlace
    from shared.domain.run import State
    from shared.ports import World
    from tests.reliability.tap import Tap

MOST_TICKS = 60
MOST_SECONDS = 60.0  # for Azure ML to do one thing
LOOK = 0.05
HIDDEN = 10
MOVING = frozenset({"Creating", "Updating", "Deleting"})
OVER = frozenset({"Completed", "Failed", "Canceled"})


class Host:
    """One process's triggers. ahead: how far its clock is ahead of the true time."""

    def __init__(self, world: World, tap: Tap, place: StoragePlace, ahead: timedelta) -> None:
        self.ahead, self.timing, self._place = ahead, wiring.timing(), place
        self.world = replace(world, now=lambda: world.now() + self.ahead)
        self._hurt = tapped(self.world, tap)
        self._azureml = _admin()

    def event(self, path: str) -> None:
        """Hear of a drop."""
        run = self.world.drops.find(path).run
        _trigger(lambda: receive(self._hurt, path))
        _trigger(lambda: advance(self._hurt, self.timing, run))

    def until(self, path: str, met: Callable[[State | None], bool]) -> None:
        """Let the timers come until the drop's run is in such a state, or for an hour of this clock."""
        for _ in range(MOST_TICKS):
            if met(self._state(path)):
                return
            self.tick(path)

    def tick(self, path: str) -> None:
        """Wait for Azure ML, let a minute pass, then come the timer and the messages."""
        self._await_azureml()
        self.ahead += timedelta(minutes=1)
        _trigger(lambda: reconcile(self._hurt, self.timing))
        run = self.world.drops.find(path).run
        for wake in self._messages(run):
            _trigger(partial(advance, self._hurt, self.timing, run, wake))

    def state(self, path: str) -> str:
        """Name the state of the drop's run; empty where it has none."""
        return str(self._state(path) or "")

    def _state(self, path: str) -> State | None:
        return Ledger(self.world.ledger).state(self.world.drops.find(path).run)

    def _await_azureml(self) -> None:
        end = time.monotonic() + MOST_SECONDS
        while self._is_busy() and time.monotonic() < end:
            time.sleep(LOOK)

    def _is_busy(self) -> bool:
        try:
            answer = self._azureml.get("/admin/state")
        except httpx.TransportError:
            return True  # it is away
        found: dict[str, Any] = answer.raise_for_status().json()
        going = any(job["status"] not in OVER for job in found["jobs"])
        return going or any(one["state"] in MOVING for one in found["endpoints"] + found["deployments"])

    def _messages(self, run: str) -> Iterator[int | None]:
        """Take a run's messages as the host does: each is deleted once its trigger has returned."""
        queue = self._place.queue("run-steps")
        for message in queue.receive_messages(messages_per_page=32, visibility_timeout=HIDDEN):
            step = json.loads(base64.b64decode(message.content))
            if step["run"] == run:
                yield step.get("wake")
            queue.delete_message(message)


def _admin() -> httpx.Client:
    environ = os.environ  # noqa: TID251 - a program's edge
    trusted = ssl.create_default_context(cafile=environ["REQUESTS_CA_BUNDLE"])
    base = settings.load(environ).azureml.arm_url
    return httpx.Client(base_url=base, verify=trusted, trust_env=False, timeout=20)


def _trigger(work: Callable[[], object]) -> None:
    """Run one trigger; what it raises is told, and the host goes on."""
    try:
        work()
    except Exception:  # noqa: BLE001 - as the host does
        traceback.print_exc()
