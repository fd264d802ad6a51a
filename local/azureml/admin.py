"""The admin API: for tests and the local stack, not of Azure. It needs no token."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from local.azureml.clock import parse
from local.azureml.errors import bad_request, missing
from local.azureml.faults import Fault
from local.azureml.records import Asset, Compute, Deployment, Endpoint, Job, Subscriber
from local.azureml.web import Answer, Way

if TYPE_CHECKING:
    from local.azureml.core import Core
    from local.azureml.door import Door
    from local.azureml.events import Events
    from local.azureml.runner import Runner
    from local.azureml.serving import Servers
    from local.azureml.web import Call, Json

_SUBMIT = "PUT {ws}/jobs/{name}"


class Admin:
    """Clock, faults, counts, subscriptions, and what there is."""

    def __init__(self, core: Core, door: Door, events: Events, runner: Runner, servers: Servers) -> None:
        """Reach into these."""
        self._store = core.store
        self._clock = core.clock
        self._door = door
        self._events = events
        self._runner = runner
        self._servers = servers

    def ways(self) -> list[Way]:
        """Return the routes."""
        routes = [
            ("GET", "clock", lambda _: Answer(body={"now": self._clock.stamp()})),
            ("POST", "clock", self._set_clock),
            ("GET", "requests", self._requests),
            ("GET", "faults", lambda _: Answer(body=[asdict(fault) for fault in self._door.faults.list()])),
            ("POST", "faults", self._add_fault),
            ("DELETE", "faults", self._clear_faults),
            ("POST", "jobs/{name}/fail", self._fail_job),
            ("GET", "subscriptions", self._subscriptions),
            ("POST", "subscriptions", self._subscribe),
            ("GET", "events", lambda _: Answer(body=self._events.history())),
            ("POST", "events/faults", self._event_faults),
            ("GET", "state", self._state),
        ]
        return [Way(method, f"/admin/{path}", how, open=True) for method, path, how in routes]

    def _set_clock(self, call: Call) -> Answer:
        now = call.json().get("now")
        try:
            self._clock.set(None if now is None else parse(str(now)))
        except ValueError as error:
            raise bad_request(f"'now' is '{now}'; expected an ISO 8601 time or null.") from error
        return Answer(body={"now": self._clock.stamp()})

    def _requests(self, _call: Call) -> Answer:
        counts = self._door.calls.counts()
        return Answer(
            body={
                "calls": counts,
                "refused": self._door.refused.counts(),
                "jobs_submitted": counts.get(_SUBMIT, 0),
                "jobs": len(self._store.all(Job)),
            }
        )

    def _add_fault(self, call: Call) -> Answer:
        try:
            fault = msgspec.convert(call.json(), Fault)
        except msgspec.ValidationError as error:
            raise bad_request(f"This is no fault: {error}.") from error
        self._door.faults.add(fault)
        return Answer(201, asdict(fault))

    def _clear_faults(self, _call: Call) -> Answer:
        self._door.faults.clear()
        return Answer(204)

    def _fail_job(self, call: Call) -> Answer:
        name, asked = call.path["name"], call.json() if call.content else {}
        job = self._store.get(Job, name)
        if job is None:
            raise missing("job", name)
        if job.finished:
            raise bad_request(f"Job '{name}' is {job.status}: it can't fail any more.")
        error = {
            "code": asked.get("code", "SystemError"),
            "message": asked.get("message", "The admin API made this job fail."),
        }
        self._runner.stop(name, "fail", error)
        return Answer(202, {"name": name})

    def _subscriptions(self, _call: Call) -> Answer:
        found = self._store.all(Subscriber)
        return Answer(body=[{"name": item.name, "url": item.url.partition("?")[0]} for item in found])

    def _subscribe(self, call: Call) -> Answer:
        try:
            subscriber = msgspec.convert(call.json(), Subscriber)
        except msgspec.ValidationError as error:
            raise bad_request(f"This is no subscription: {error}.") from error
        self._events.subscribe(subscriber)
        return Answer(201, {"name": subscriber.name})

    def _event_faults(self, call: Call) -> Answer:
        self._events.set_faults(call.json())
        return Answer(204)

    def _state(self, _call: Call) -> Answer:
        jobs = [{"name": job.name, "status": job.status} for job in self._store.all(Job)]
        assets = [f"{item.kind} {item.name}:{item.version}" for item in self._store.all(Asset)]
        endpoints = [
            {"name": item.name, "state": item.state, "traffic": item.body["traffic"]}
            for item in self._store.all(Endpoint)
        ]
        deployments = [{"key": item.key, "state": item.state} for item in self._store.all(Deployment)]
        body: Json = {
            "jobs": jobs,
            "assets": assets,
            "computes": [item.name for item in self._store.all(Compute)],
            "endpoints": endpoints,
            "deployments": deployments,
            "servers": self._servers.pids(),
        }
        return Answer(body=body)
