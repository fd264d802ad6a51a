"""What carries events and messages to the triggers, and does with them what Event Grid and queues may do.

Everything that is under way lies in `pending` until a test delivers it: once, three times, late, in any
order, or never. The triggers are the real ones; they get what the host would give them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import azure.functions as func
from azure.storage.blob import BlobClient  # noqa: TID251 - what the blob extension hands to a function

from functions.advance_run import advance_run
from functions.dataset_uploaded import dataset_uploaded
from functions.job_finished import job_finished
from shared import wiring
from tests.functions.samples import job_event

if TYPE_CHECKING:
    import pytest

    from shared.ports import World
    from tests.reliability.outside import Outside

ACCOUNT = "https://chats.blob.core.windows.net"


@dataclass(frozen=True)
class Blob:
    """A blob was written."""

    path: str
    container: str = "datasets"


@dataclass(frozen=True)
class JobEvent:
    """A job changed. topic None: our workspace's."""

    job: Any
    status: str = "Completed"
    kind: str = "run_completed"
    topic: str | None = None


@dataclass(frozen=True)
class Step:
    """A message of the queue, as its bytes."""

    body: bytes


Event = Blob | JobEvent | Step


class Relay:
    """Carries events to an installation's triggers, each in a process of its own."""

    def __init__(self, outside: Outside, patch: pytest.MonkeyPatch) -> None:
        self.outside, self.pending = outside, list[Event]()
        self._world: World = outside.world
        patch.setattr(wiring, "world", lambda: self._world)
        patch.setattr(wiring, "timing", lambda: outside.life.timing)

    def collect(self) -> None:
        """Take the messages that are due out of the queue."""
        for sent in self.outside.life.storage.steps.take():
            self.pending.append(Step(json.dumps(sent.body).encode()))

    def deliver(self, event: Event) -> bool:
        """Give one event to its trigger; tell whether the trigger took it."""

        def trigger(world: World) -> None:
            self._world = world
            if isinstance(event, Blob):
                dataset_uploaded(BlobClient(ACCOUNT, event.container, event.path))
            elif isinstance(event, JobEvent):
                topic = self.outside.life.world.workspace_id if event.topic is None else event.topic
                job_finished(job_event(event.kind, topic=topic, runId=event.job, runStatus=event.status))
            else:
                advance_run(func.QueueMessage(body=event.body))

        return self.outside.process(trigger)

    def tell_of_jobs(self, known: list[str]) -> None:
        """Put an event under way for each job that has ended since."""
        for job in self.outside.life.azureml.jobs.kept():
            if job.over and job.name not in known:
                known.append(job.name)
                self.pending.append(JobEvent(job.name, job.status.capitalize()))
