"""Event Grid events of runs: RunCompleted and RunStatusChanged, for jobs and for their steps.

Shapes: Azure's Event Grid schema for Machine Learning. Whether Azure raises one for a failed or
canceled run is told in two ways by its documentation; here it is a switch.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Protocol

from local.azureml.errors import bad_request
from local.azureml.records import Subscriber

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from local.azureml.clock import Clock
    from local.azureml.records import Job, Step
    from local.azureml.settings import Settings
    from local.azureml.state import Store

Json = dict[str, Any]

COMPLETED = "Microsoft.MachineLearningServices.RunCompleted"
CHANGED = "Microsoft.MachineLearningServices.RunStatusChanged"
_QUIET = ("Failed", "Canceled")


class Topic(Protocol):
    """What delivers events."""

    faults: Any

    @property
    def history(self) -> Iterable[Json]:
        """What was published, oldest first."""

    def subscribe(self, name: str, url: str, *, included_event_types: Sequence[str] = ()) -> None:
        """Shake hands with the subscriber, trying for some minutes, and deliver to it from then on."""

    def publish(self, events: Sequence[Json]) -> None:
        """Take the events and return at once; deliver with retries."""

    def close(self) -> None:
        """Stop delivering."""


class Events:
    """Tells the workspace's topic what happens to runs."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, topic: Topic) -> None:
        """Publish to `topic`."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._topic = topic

    def resume(self) -> None:
        """Subscribe those of the settings and those remembered."""
        for name, url in self._settings.subscriptions:
            self._store.put(name, Subscriber(name=name, url=url))
        for subscriber in self._store.all(Subscriber):
            self._shake_hands(subscriber)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Remember and start a subscription."""
        self._store.put(subscriber.name, subscriber)
        self._shake_hands(subscriber)

    def _shake_hands(self, subscriber: Subscriber) -> None:
        types = tuple(subscriber.types)
        self._topic.subscribe(subscriber.name, subscriber.url, included_event_types=types)

    def history(self) -> list[Json]:
        """Return the last events that were raised, delivered or not."""
        return list(self._topic.history)

    def set_faults(self, faults: Json) -> None:
        """Make delivery lose, double, reorder or delay events.

        Raises:
            AzureError: 400, when the topic knows no such fault.

        """
        try:
            self._topic.faults = type(self._topic.faults)(**faults)
        except TypeError as error:
            raise bad_request(f"These are no faults of a topic: {error}.") from error

    def close(self) -> None:
        """Stop delivering."""
        self._topic.close()

    def run_changed(self, job: Job, step: Step | None, status: str) -> None:
        """Tell that a job, or one of its steps, has a new status."""
        events = [self._event(CHANGED, job, step, {"runStatus": status})]
        if status == "Completed":
            events.append(self._event(COMPLETED, job, step, {}))
        if not (self._settings.quiet_failures and status in _QUIET):
            self._topic.publish(events)

    def _event(self, kind: str, job: Job, step: Step | None, more: Json) -> Json:
        run = step.run if step else job.name
        source = "azureml.StepRun" if step else "azureml.PipelineRun"
        properties = {"azureml.runsource": source, **({} if step else job.properties)}
        return {
            "topic": self._settings.place.id,
            "subject": f"experiments/{job.experiment_id}/runs/{run}",
            "eventType": kind,
            "eventTime": self._clock.stamp(),
            "id": str(uuid.uuid4()),
            "data": {
                "experimentId": job.experiment_id,
                "experimentName": job.experiment,
                "runId": run,
                "runType": None,
                "runTags": {} if step else job.tags,
                "runProperties": properties,
                **more,
            },
            "dataVersion": "",
            "metadataVersion": "1",
        }
