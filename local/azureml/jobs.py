"""Pipeline and command jobs as the management plane shows them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from local.azureml.errors import bad_request, busy, immutable, missing
from local.azureml.records import Job
from local.azureml.web import WS, Answer, Way, paged
from local.azureml.wire import check_asset_name, properties_of, system_data

if TYPE_CHECKING:
    from local.azureml.bench import Bench
    from local.azureml.core import Core
    from local.azureml.runner import Runner
    from local.azureml.runs import Runs
    from local.azureml.web import Call, Json

_MUTABLE = ("description", "displayName", "isArchived", "properties", "tags")
_PROPERTIES = {
    "Pipeline": {"azureml.runsource": "azureml.PipelineRun", "runSource": "MFE", "runType": "HTTP"},
    "Command": {
        "_azureml.ComputeTargetType": "local",
        "ProcessStatusFile": "azureml-logs/process_status.json",
    },
}


class Jobs:
    """Takes jobs in, shows them, cancels them; the runner runs them."""

    def __init__(self, core: Core, runs: Runs, runner: Runner, bench: Bench) -> None:
        """Keep what the routes need."""
        self._settings = core.settings
        self._store = core.store
        self._operations = core.operations
        self._runs = runs
        self._runner = runner
        self._bench = bench

    def ways(self) -> list[Way]:
        """Return the routes."""
        return [
            Way("GET", f"{WS}/jobs", self._list),
            Way("POST", f"{WS}/jobs/{{name}}/cancel", self._cancel),
            Way("PUT", f"{WS}/jobs/{{name}}", self._put),
            Way("DELETE", f"{WS}/jobs/{{name}}", self._delete),
            Way("GET", f"{WS}/jobs/{{name:path}}", self._get),
        ]

    def _put(self, call: Call) -> Answer:
        name, body = call.path["name"], properties_of(call.json())
        check_asset_name("a job", name)
        body = {"experimentName": "Default", "displayName": name, **body}
        with self._store.transaction():
            before = self._store.get(Job, name)
            if before is None:
                self._check(body)
                fresh = self._fresh(name, body)
                self._store.put(name, fresh)
            elif _fixed(before.body) != _fixed(body):
                raise immutable("job", name, "description, tags, displayName, properties and isArchived")
            else:
                return Answer(200, self.body(self._runs.amend(name, {k: body.get(k) for k in _MUTABLE})))
        self._runner.submit(name)
        return Answer(201, self.body(fresh))

    def _check(self, body: Json) -> None:
        for plan in self._bench.plans(body):
            self._bench.check(plan)

    def _fresh(self, name: str, body: Json) -> Job:
        sent = body.get("properties") or {}
        return Job(
            name=name,
            body=body,
            status="Queued" if self._runner.is_full() else "NotStarted",
            created=self._runs.clock.stamp(),
            number=self._store.count(Job) + 1,
            experiment_id=str(uuid.uuid5(uuid.NAMESPACE_URL, body["experimentName"])),
            properties={**{key: str(value) for key, value in sent.items()}, **_PROPERTIES[body["jobType"]]},
        )

    def _list(self, call: Call) -> Answer:
        view = call.query.get("listViewType", "ActiveOnly")
        found = [
            (number, job)
            for number, job in reversed(self._store.numbered(Job))
            if view == "All" or job.hidden == (view == "ArchivedOnly")
        ]
        return paged(call, found, self.body)

    def _get(self, call: Call) -> Answer:
        name = call.path["name"]
        job = self._store.get(Job, name)
        if job:
            return Answer(body=self.body(job))
        if self._runs.step(name):
            # A step is no job: without properties, the SDK asks the run history for it.
            identity = f"{self._settings.place.id}/jobs/{name}"
            return Answer(body={"id": identity, "name": name, "properties": None})
        raise missing("job", name)

    def _delete(self, call: Call) -> Answer:
        name = call.path["name"]
        job = self._store.get(Job, name)
        if job is None:
            return Answer(204)
        if not job.finished:
            raise busy(f"Job '{name}' is {job.status}: cancel it, and delete it once that has ended.")
        headers = self._operations.begin("Job", name, "delete")
        self._runner.forget(name)
        return Answer(202, None, headers)

    def _cancel(self, call: Call) -> Answer:
        name = call.path["name"]
        job = self._store.get(Job, name)
        if job is None:
            raise missing("job", name)
        if job.finished or job.status == "Finalizing":
            raise bad_request(f"Job '{name}' is {job.status} and can't be canceled any more.")
        self._runner.stop(name, "cancel", None)
        return Answer(202, None, self._operations.begin_result("Job", name, "cancel"))

    def body(self, job: Job) -> Json:
        """Return the job as the management plane shows it."""
        url, place = self._settings.url, self._settings.place
        outputs = {key: dict(item or {}) for key, item in (job.body.get("outputs") or {}).items()}
        for key in outputs.keys() & job.outputs.keys():
            outputs[key]["uri"] = job.outputs[key]
        tracking = f"azureml://{url.removeprefix('https://')}/mlflow/v1.0{place.id}"
        studio = f"{url}/studio/runs/{job.name}"
        services = {
            "Studio": {"jobServiceType": "Studio", "endpoint": studio},
            "Tracking": {"jobServiceType": "Tracking", "endpoint": tracking},
        }
        shown = {
            "tags": {},
            "inputs": {},
            "settings": {},
            **job.body,
            "status": job.status,
            "properties": job.properties,
            "services": services,
            "outputs": outputs,
            "isArchived": job.hidden,
        }
        return {
            "id": f"{place.id}/jobs/{job.name}",
            "name": job.name,
            "type": "Microsoft.MachineLearningServices/workspaces/jobs",
            "systemData": system_data(job.created, job.modified or job.created),
            "properties": shown,
        }


def _fixed(body: Json) -> Json:
    return {key: value for key, value in body.items() if key not in _MUTABLE and value is not None}
