"""Fine-tune jobs: submitted through the SDK, looked at by plain calls."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml import entities, history, mlflow
from shared.adapters.azureml.errors import mapped
from shared.adapters.azureml.place import JOBS, Request
from shared.domain.errors import AlreadyThere, Changed, Missing, Permanent
from shared.domain.tags import SPEC
from shared.ports import Failure, Job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azure.ai.ml import MLClient

    from shared.adapters.azureml.place import AzureMLPlace
    from shared.ports import JobSpec

LOG = logging.getLogger(__name__)
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
CANCEL = "2023-04-01-preview"


class AzureMLJobs:
    """`shared.ports.Jobs` over one workspace."""

    def __init__(self, place: AzureMLPlace) -> None:
        self._place = place

    def find(self, name: str) -> Job:
        """Look at a job; raises Missing."""
        with mapped(f"the job {name}"):
            found = self._place.call(Request("GET", self._path(name), JOBS), f"the job {name}")
            job = _job(name, found)
            error = history.error(self._place, name) if job.status == "failed" else None
            return replace(job, error=error)

    def newest(self, limit: int) -> Sequence[Job]:
        """List the newest jobs, page by page."""
        jobs = list[Job]()
        asked: Request | None = Request("GET", f"{self._place.id}/jobs", JOBS)
        while asked and len(jobs) < limit:
            page = self._place.call(asked, "the jobs")
            jobs += [_job(str(one["name"]), one) for one in page.get("value") or ()]
            asked = Request("GET", page["nextLink"]) if page.get("nextLink") else None
        return jobs[:limit]

    def submit(self, spec: JobSpec) -> Job:
        """Make the job, or take up the one that is there with the same spec; raises Changed on another."""
        with self._place.sdk(f"the job {spec.name}") as sdk:
            try:
                found = self.find(spec.name)
            except Missing:
                found = self._make(sdk, spec)
        if found.tags.get(SPEC) != spec.digest():
            raise Changed(
                "job-name-taken",
                f"The job {spec.name} is in Azure ML already, made of other inputs than this one.",
                f"Look at it: az ml job show --name {spec.name}",
            )
        return found

    def cancel(self, name: str) -> None:
        """Ask for its end; one that is over stays as it is."""
        with mapped(f"the job {name}"):
            if self.find(name).over:
                return
            try:
                path = self._path(name) + "/cancel"
                self._place.call(Request("POST", path, CANCEL), f"the job {name}")
            except Permanent:
                if not self.find(name).over:  # it ended in between, and cannot be canceled any more
                    raise

    def metrics(self, name: str) -> Mapping[str, float]:
        """Read the last value of each metric: the root run's, else its children's."""
        return mlflow.last_values(self._place, name)

    def curves(self, name: str) -> Mapping[str, Sequence[tuple[int, float]]]:
        """Read losses and learning rate by step: the root run's, else its children's."""
        return mlflow.curves(self._place, name)

    def tokens(self, name: str) -> Mapping[str, int]:
        """Read the token counts that the job wrote into its own properties."""
        return history.tokens(self._place, name)

    def compared(self, name: str) -> Mapping[str, Mapping[int, float]]:
        """Read what the comparing step measured."""
        return mlflow.compared(self._place, name)

    def failure(self, name: str) -> Failure:
        """Find the step that failed first, its error and the end of its log."""
        return history.failure(self._place, name)

    def _make(self, sdk: MLClient, spec: JobSpec) -> Job:
        entity = entities.pipeline_job(spec, self._place.datastore, self._place.environment)
        # Another may have been quicker, or the answer to our own first try was lost: the look below tells.
        with suppress(AlreadyThere), mapped(f"the job {spec.name}"):
            # The parameters are checked by now; the SDK's own check costs 0.6 s and sees no enum or minimum.
            sdk.jobs.create_or_update(entity, skip_validation=True)
        LOG.info("submitted job %s with %d inputs", spec.name, len(spec.inputs))
        return self.find(spec.name)

    def _path(self, name: str) -> str:
        if not NAME.fullmatch(name):
            raise Permanent(
                "job-name",
                f"{name!r} cannot name a job: letters, digits, _ . and - are allowed, at most 255.",
                "Rename the recipe, then drop the data set again: droptune drop FILE --recipe RECIPE",
            )
        return f"{self._place.id}/jobs/{quote(name, safe='')}"


def _job(name: str, found: Mapping[str, Any]) -> Job:
    properties = found.get("properties") or {}
    return Job(
        name=name,
        status=str(properties.get("status") or "unknown").lower(),
        tags=properties.get("tags") or {},
        url=((properties.get("services") or {}).get("Studio") or {}).get("endpoint"),
        started=_time((found.get("systemData") or {}).get("createdAt")),
    )


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
