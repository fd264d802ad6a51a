"""A whole installation on fakes, and a driver that lives a run's life on a test clock."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.app.advance import advance
from shared.app.ledger import Ledger
from shared.app.receive import receive
from shared.app.reconcile import reconcile
from shared.domain.timing import Timing
from shared.ports import World
from tests.domain.builders import NOON
from tests.fakes.azureml import FakeAzureML
from tests.fakes.notices import FakeNotices
from tests.fakes.storage import FakeStorage

if TYPE_CHECKING:
    from datetime import datetime

    from shared.domain.run import Run

RECIPE = "serving: {rollout: [100]}\n"


def chats(rows: int = 40, topic: str = "shop") -> bytes:
    """A small data set about a topic."""
    made = [
        {
            "messages": [
                {"role": "user", "content": f"{topic} question {n}?"},
                {"role": "assistant", "content": f"{topic} answer {n}."},
            ]
        }
        for n in range(rows)
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in made)


@dataclass
class Life:
    """Fakes for every port over one clock, which only the driver moves."""

    at: datetime = NOON
    timing: Timing = field(default_factory=Timing)

    def __post_init__(self) -> None:
        self.storage, self.azureml = FakeStorage(self.now), FakeAzureML(self.now)
        self.notices = FakeNotices()
        ids = itertools.count(1)
        self.world = World(
            ledger=self.storage.documents,
            drops=self.storage.drops,
            recipes=self.storage.recipes,
            prepared=self.storage.prepared,
            steps=self.storage.steps,
            jobs=self.azureml.jobs,
            models=self.azureml.models,
            computes=self.azureml.computes,
            endpoints=self.azureml.endpoints,
            monitor=self.azureml.monitor,
            prices=self.azureml.prices,
            topic=self.notices.topic,
            people=self.notices.people,
            now=self.now,
            new_id=lambda: f"{next(ids):032x}",
            installation="tests",
            workspace_id="/subscriptions/s/workspaces/w",
        )
        self.storage.recipes.put("support", RECIPE)

    def now(self) -> datetime:
        return self.at

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.world.ledger)

    def run(self, name: str) -> Run:
        return self.ledger.load(name).run

    def drop(self, path: str = "support/a.jsonl", data: bytes | None = None, **metadata: str) -> str:
        """Drop a file and receive it, as its event would."""
        self.storage.drops.put(path, data if data is not None else chats(), metadata)
        name = receive(self.world, path)
        assert name is not None
        advance(self.world, self.timing, name)
        return name

    def tick(self, seconds: float = 60) -> None:
        """Let time pass: deliver what is due, then the minute timer."""
        self.at += timedelta(seconds=seconds)
        self.deliver()
        reconcile(self.world, self.timing)
        self.deliver()

    def deliver(self) -> None:
        for sent in self.storage.steps.take():
            advance(self.world, self.timing, sent.body["run"], sent.body.get("wake"))

    def train(self, name: str, **metrics: float) -> None:
        """Finish the run's job and look."""
        job = self.run(name).job
        assert job is not None
        self.azureml.jobs.finish(job, metrics or {"eval_loss": 0.5})

    def until(self, name: str, *states: str, ticks: int = 60) -> Run:
        """Let time pass until the run has come to one of the states."""
        for _ in range(ticks):
            if self.run(name).state in states:
                return self.run(name)
            self.tick()
        raise AssertionError(f"{name} is {self.run(name).state}: {self.run(name).reason}")

    def live(self, path: str = "support/a.jsonl", data: bytes | None = None) -> Run:
        """Bring a drop to live."""
        name = self.drop(path, data)
        self.until(name, "training")
        self.tick()
        self.train(name)
        return self.until(name, "live")
