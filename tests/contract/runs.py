"""Runs of the app in this process: the ledger in memory, Azure ML and its data at the emulator."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared import wiring
from shared.adapters import credential, storage
from shared.app.advance import advance
from shared.app.ledger import Ledger
from shared.app.receive import receive
from shared.cli.main import main
from shared.domain.draining import REQUEST_LIMIT
from shared.domain.timing import Timing
from shared.ports import World
from tests.contract.rigs import now
from tests.fakes.notices import FakeNotices
from tests.fakes.storage import FakeStorage
from tests.local.azureml.rig import WS, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.run import Run
    from tests.contract.rigs import EmulatorRig

SECONDS = 90


def chats(rows: int, topic: str = "question") -> str:
    """Some rows in the pipeline's own format."""
    made = (
        {
            "prompt": f"{topic} {n}?",
            "messages": [
                {"role": "user", "content": f"{topic} {n}?"},
                {"role": "assistant", "content": f"answer {n}."},
            ],
            "prompt_id": f"{n:064x}",
        }
        for n in range(rows)
    )
    return "".join(json.dumps(row) + "\n" for row in made)


class Runs:
    """An installation with one recipe, whose runs a test drives."""

    def __init__(self, rig: EmulatorRig, recipe: str, text: str) -> None:
        self.recipe, self.kept = recipe, FakeStorage(now)
        self.kept.recipes.put(recipe, text)
        self._ahead = timedelta()
        self.world = replace(_world(rig, self.kept), now=lambda: now() + self._ahead)

    def drop(self, name: str = "a.jsonl", data: str | None = None, **metadata: str) -> str:
        """Drop a file and receive it."""
        path = f"{self.recipe}/{name}"
        self.kept.drops.put(path, (data or chats(40, self.recipe)).encode(), metadata)
        run = receive(self.world, path)
        assert run is not None
        return run

    def load(self, name: str) -> Run:
        return Ledger(self.world.ledger).load(name).run

    def until(self, name: str, met: Callable[[Run], bool], what: str) -> Run:
        """Look at the run, as its messages would, until something is so."""

        def look() -> Run | None:
            advance(self.world, Timing(), name)
            run = self.load(name)
            if any(self.world.now() - since < REQUEST_LIMIT for since in run.drained.values()):
                self._ahead += REQUEST_LIMIT  # nobody's requests are under way here
            return run if met(run) else None

        try:
            run: Run = until(look, SECONDS, f"{name} {what}")
        except AssertionError as error:
            now = self.load(name)
            raise AssertionError(f"{error}: {now.state} since {now.since}: {now.reason}") from error
        return run

    def ended(self, name: str) -> Run:
        """Let the run come to its end."""
        return self.until(name, lambda run: run.ended, "has ended")

    def shown(self, name: str, capsys: pytest.CaptureFixture[str]) -> str:
        """Give what `droptune show` says."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wiring, "world", lambda: self.world)
            patch.setenv("DROPTUNE_INSTALLATION", "tests")  # so that no env file is looked for
            capsys.readouterr()
            assert main(["show", name]) == 0
        return capsys.readouterr().out


def _world(rig: EmulatorRig, kept: FakeStorage) -> World:
    place = storage.StoragePlace(rig.emulator.blob_url, "", None, credential.credential)
    told = FakeNotices()
    return World(
        ledger=kept.documents,
        drops=kept.drops,
        recipes=kept.recipes,
        prepared=storage.BlobPrepared(place),
        steps=kept.steps,
        jobs=rig.jobs,
        models=rig.models,
        computes=rig.computes,
        endpoints=rig.endpoints,
        monitor=rig.monitor,
        prices=rig.prices,
        topic=told.topic,
        people=told.people,
        now=now,
        new_id=lambda: f"{time.monotonic_ns():032x}",
        installation="tests",
        workspace_id=WS,
    )
