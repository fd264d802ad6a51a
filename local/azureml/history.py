"""The run history's data plane: details with logs, children, tags, and what a download asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.azureml.errors import AzureError, missing
from local.azureml.tail import last_lines
from local.azureml.web import WS, Answer, Way

if TYPE_CHECKING:
    from local.azureml.identity import Issuer
    from local.azureml.records import Job, Step
    from local.azureml.runs import Runs
    from local.azureml.settings import Settings
    from local.azureml.steps import Workshop
    from local.azureml.web import Call, Json

_HISTORY = f"/history/v1.0{WS}"
_JOB_LOG = "logs/azureml/executionlogs.txt"
_KINDS = {"mlflow_model": "MLFlowModel"}
_STEP_LOG = "user_logs/std_log.txt"


class History:
    """Shows runs as the run history does."""

    def __init__(self, settings: Settings, runs: Runs, workshop: Workshop, issuer: Issuer) -> None:
        """Read runs, and the logs in the workshop's folders; links to logs are signed."""
        self._settings = settings
        self._runs = runs
        self._workshop = workshop
        self._issuer = issuer

    def ways(self) -> list[Way]:
        """Return the routes."""
        run = f"{_HISTORY}/runs/{{run}}"
        return [
            Way("GET", f"{run}/details", self._details),
            Way("GET", f"{run}/children", self._children),
            Way("GET", f"{run}/serviceinstances/{{node}}", self._services),
            Way("GET", run, lambda call: Answer(body=self._run(call.path["run"]))),
            Way("PATCH", f"{_HISTORY}/experiments/{{experiment}}/runs/{{run}}", self._patch),
            Way("POST", f"{_HISTORY}/rundata", self._rundata),
            Way("POST", f"/data/v1.0{WS}/dataversion/batchGetResolvedUris", self._resolve),
            Way("GET", "/logs/{run}/{name:path}", self._log, open=True),
        ]

    def _find(self, run: str) -> tuple[Job, Step | None]:
        step = self._runs.step(run)
        return self._runs.job(step.job if step else run), step

    def _details(self, call: Call) -> Answer:
        job, step = self._find(call.path["run"])
        error = (step or job).error
        log = _STEP_LOG if step or job.body["jobType"] == "Command" else _JOB_LOG
        body = {
            **self._body(job, step),
            "target": "local",
            "inputDatasets": [],
            "outputDatasets": [],
            "logFiles": {log: self._link(step.run if step else job.name, log)},
            "warnings": [],
            "submittedBy": "emulator",
        }
        if error:
            body["error"] = {"error": {"details": [], **error}}
        return Answer(body=body)

    def _link(self, run: str, log: str) -> str:
        path = f"/logs/{run}/{log}"
        return f"{self._settings.url}{path}?sig={self._issuer.sign(path)}"

    def _log(self, call: Call) -> Answer:
        run, name = call.path["run"], call.path["name"]
        if call.query.get("sig") != self._issuer.sign(f"/logs/{run}/{name}"):
            raise AzureError(403, "AuthenticationFailed", "The link's signature is not valid.")
        job, step = self._find(run)
        folder = self._workshop.folder(job.name)
        own = folder / (step.run if step else "own") / "std_log.txt"
        path = own if step or job.body["jobType"] == "Command" else folder / "executionlogs.txt"
        return Answer(body=last_lines(path, None))

    def _services(self, call: Call) -> Answer:
        """No job here opens a service into its node."""
        self._find(call.path["run"])
        return Answer(body={"instances": {}})

    def _children(self, call: Call) -> Answer:
        job, step = self._find(call.path["run"])
        above = step.run if step else None
        children = [child for child in self._runs.steps(job.name) if child.parent == above]
        return Answer(body={"value": [self._body(job, child) for child in children], "nextLink": None})

    def _run(self, run: str) -> Json:
        return self._body(*self._find(run))

    def _body(self, job: Job, step: Step | None) -> Json:
        source = "azureml.StepRun" if step and not step.pipeline else "azureml.PipelineRun"
        shown: Json = {
            "runId": step.run if step else job.name,
            "runNumber": job.number,
            "runUuid": step.run if step else job.name,
            "rootRunId": job.name,
            "parentRunId": (step.parent or step.job) if step else None,
            "status": (step or job).status,
            "displayName": step.name if step else job.body.get("displayName"),
            "name": step.name if step else job.body.get("displayName"),
            "description": None if step else job.body.get("description"),
            "experimentId": job.experiment_id,
            "runType": source if step else None,
            "properties": {"azureml.runsource": source, **step.properties} if step else job.properties,
            "tags": {} if step else job.tags,
            "createdUtc": (step or job).created,
            "startTimeUtc": (step or job).started,
            "endTimeUtc": (step or job).ended,
            "hidden": False if step else job.hidden,
        }
        error = (step or job).error
        return {**shown, "error": {"error": {"details": [], **error}}} if error else shown

    def _patch(self, call: Call) -> Answer:
        job, step = self._find(call.path["run"])
        if step:
            raise missing("job (only jobs can be changed, not their steps)", step.run)
        self._runs.amend(job.name, call.json())
        return Answer(body=self._run(job.name))

    def _rundata(self, call: Call) -> Answer:
        name = str(call.json().get("runId"))
        job, step = self._find(name)
        declared: Json = {} if step else job.body.get("outputs") or {}
        kinds = {key: str((item or {}).get("jobOutputType", "uri_folder")) for key, item in declared.items()}
        found = step.outputs if step else {key: uri for key, uri in job.outputs.items() if key in declared}
        outputs = {
            # The SDK can download folders and files only by these spellings.
            key: {
                "assetId": uri,
                "type": _KINDS.get(kinds.get(key, "uri_folder"), kinds.get(key, "uri_folder")),
            }
            for key, uri in found.items()
        }
        return Answer(body={"runMetadata": {**self._run(name), "outputs": outputs}})

    def _resolve(self, call: Call) -> Answer:
        values = call.json().get("values") or []
        return Answer(body={"values": {value: {"uri": value} for value in values}})
