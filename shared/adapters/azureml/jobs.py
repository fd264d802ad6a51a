"""Fine-tune jobs: submitted through the SDK, looked at by plain calls."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml import mlflow
from shared.adapters.azureml.errors import mapped
from shared.adapters.azureml.place import JOBS
from shared.domain.errors import Changed, DroptuneError, Missing, Permanent
from shared.domain.tags import SPEC
from shared.ports import Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.ai.ml.entities import PipelineJob

    from shared.adapters.azureml.place import AzureMLPlace
    from shared.ports import JobSpec

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
CANCEL = "2023-04-01-preview"
LOG_CHARACTERS = 2000


class AzureMLJobs:
    """`shared.ports.Jobs` over one workspace."""

    def __init__(self, place: AzureMLPlace) -> None:
        self._place = place

    def find(self, name: str) -> Job:
        """Look at a job; raises Missing."""
        found = self._place.call("GET", self._path(name), JOBS, f"the job {name}")
        properties = found.get("properties") or {}
        status = _plain(properties.get("status"))
        services = properties.get("services") or {}
        return Job(
            name=name,
            status=status,
            tags=properties.get("tags") or {},
            url=(services.get("Studio") or {}).get("endpoint"),
            error=self._error(name) if status == "failed" else None,
            started=_time((found.get("systemData") or {}).get("createdAt")),
        )

    def submit(self, spec: JobSpec) -> Job:
        """Make the job, or take up the one that is there with the same spec; raises Changed on another."""
        try:
            found = self.find(spec.name)
        except Missing:
            with mapped(f"the job {spec.name}"):
                self._place.client.jobs.create_or_update(
                    _entity(spec, self._place.datastore), skip_validation=True
                )
            return self.find(spec.name)
        if found.tags.get(SPEC) != spec.digest():
            raise Changed("job-name-taken", f"The job {spec.name} exists in Azure ML with other inputs.")
        return found

    def cancel(self, name: str) -> None:
        """Ask for its end; one that is over stays as it is."""
        try:
            self._place.call("POST", self._path(name) + "/cancel", CANCEL, f"the job {name}")
        except (Missing, Permanent):
            if not self.find(name).over:
                raise

    def metrics(self, name: str) -> Mapping[str, float]:
        """Read the last value of each metric: the root run's, else its children's."""
        return mlflow.last_values(self._place, name)

    def log_tail(self, name: str) -> str:
        """Read the end of the job's log; empty where there is none to be had."""
        try:
            files = self._details(name).get("logFiles") or {}
            wanted = sorted(files, key=lambda file: ("std_log" not in file, file))
            return self._text(files[wanted[0]])[-LOG_CHARACTERS:] if wanted else ""
        except DroptuneError:
            return ""  # a log is a help, its absence no reason to fail

    def _text(self, url: str) -> str:
        """Fetch a log; its URL carries its own right to read, so no token goes with it."""
        from azure.core import PipelineClient
        from azure.core.rest import HttpRequest

        with mapped("the job's log"), PipelineClient(url, connection_timeout=5, read_timeout=20) as client:
            response = client.send_request(HttpRequest("GET", url))
            response.raise_for_status()
            return str(response.text())

    def _error(self, name: str) -> str | None:
        try:
            error = ((self._details(name).get("error") or {}).get("error")) or {}
        except DroptuneError:
            return None
        return ": ".join(str(error[key]) for key in ("code", "message") if error.get(key)) or None

    def _details(self, name: str) -> dict[str, Any]:
        return self._place.call(
            "GET", f"{self._place.history_url()}/runs/{name}/details", "v1.0", f"the run {name}"
        )

    def _path(self, name: str) -> str:
        if not NAME.fullmatch(name):
            raise Permanent("job-name", f"{name!r} cannot name a job; expected {NAME.pattern}.")
        return f"{self._place.id}/jobs/{quote(name, safe='')}"


def _entity(spec: JobSpec, datastore: str) -> PipelineJob:
    """Build the job in the SDK's entity form: its decorator is not safe to use in threads."""
    from azure.ai.ml import Input, Output
    from azure.ai.ml.entities import PipelineJob, PipelineJobSettings
    from azure.ai.ml.entities._builders.pipeline import Pipeline

    inputs: dict[str, Any] = dict(spec.inputs)
    inputs["mlflow_model_path"] = Input(type="mlflow_model", path=spec.model_id)
    for name, path in spec.files.items():
        inputs[name] = Input(type="uri_file", path=f"azureml://datastores/{datastore}/paths/{path}")
    # The binding is a text: handing over the node's output object would send none, and say nothing.
    node = Pipeline(
        component=spec.component,
        inputs=inputs,
        outputs={"mlflow_model_folder": "${{parent.outputs.trained_model}}"},
    )
    return PipelineJob(
        name=spec.name,
        display_name=spec.display_name,
        experiment_name=spec.experiment,
        tags={**spec.tags, SPEC: spec.digest()},
        # Set, so that the git state of whatever folder this runs in does not get into the job.
        properties={"mlflow.source.git.commit": ""},
        jobs={"fine_tune": node},
        outputs={"trained_model": Output(type="mlflow_model")},
        settings=PipelineJobSettings(force_rerun=True, continue_on_step_failure=False),
    )


def _plain(status: object) -> str:
    return str(status or "unknown").replace("_", "").lower()


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
