"""Runs as MLflow shows and writes them: jobs, their steps, and those that clients begin by themselves."""

from __future__ import annotations

import json
import math
import uuid
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from local.azureml.clock import millis, parse
from local.azureml.facts import INPUT, PARAM, TAG
from local.azureml.mlflow_errors import invalid, missing, pairs, texts, wanted
from local.azureml.places import artifacts_path
from local.azureml.records import Job, LoggedModel, Step, Tracked

if TYPE_CHECKING:
    from local.azureml.experiments import Experiments
    from local.azureml.facts import Facts
    from local.azureml.runs import Runs
    from local.azureml.state import Store

Json = dict[str, Any]

_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED", "Running": "RUNNING"}
_WAITING = ("NotStarted", "Queued", "Preparing")
_ENDS = ("FINISHED", "FAILED", "KILLED")
USER = "emulator"


class Tracking:
    """Reads and writes of runs."""

    def __init__(self, store: Store, runs: Runs, facts: Facts, experiments: Experiments) -> None:
        """Read and write there."""
        self._store = store
        self._runs = runs
        self._facts = facts
        self._experiments = experiments

    def run(self, identity: str) -> Json:
        """Return a run as MLflow shows it.

        Raises:
            AzureError: 404.

        """
        tracked = self._store.get(Tracked, identity)
        if tracked:
            return self._tracked(tracked)
        step = self._store.get(Step, identity)
        job = self._store.get(Job, step.job if step else identity)
        if job is None:
            raise missing(f"Run '{identity}'")
        return self._body(job, step)

    def all(self, view: str) -> list[Json]:
        """Return all runs, newest first, as the tracking server orders them."""
        found = [
            (job.created, self._body(job, None)) for job in self._store.all(Job) if _seen(job.hidden, view)
        ]
        shown = {run["info"]["run_id"] for _, run in found}
        steps = [step for step in self._store.all(Step) if step.job in shown]
        jobs = {job.name: job for job in self._store.all(Job)}
        found += [(step.created, self._body(jobs[step.job], step)) for step in steps]
        found += [
            (one.created, self._tracked(one)) for one in self._store.all(Tracked) if _seen(one.deleted, view)
        ]
        return [run for _, run in sorted(found, key=lambda one: one[0], reverse=True)]

    def create(self, asked: Json) -> Json:
        """Begin a run of the client's own."""
        experiment = self._experiments.find(wanted(asked, "experiment_id"))
        now = self._runs.clock.stamp()
        tags = texts(asked.get("tags"))
        name = str(asked.get("run_name") or tags.get("mlflow.runName") or f"run-{uuid.uuid4().hex[:8]}")
        tracked = Tracked(
            run=str(uuid.uuid4()),
            experiment=experiment["experiment_id"],
            name=name,
            status="RUNNING",
            created=now,
            start=int(asked.get("start_time") or millis(parse(now))),
        )
        with self._store.transaction():
            self._store.put(tracked.run, tracked)
            self._facts.put(tracked.run, TAG, tags)
        return {"run": self._tracked(tracked)}

    def update(self, asked: Json) -> Json:
        """Change a run's status, end or name. A job's status is its own, whatever the client says."""
        identity = wanted(asked, "run_id")

        def changed(run: Tracked) -> Tracked:
            status = str(asked.get("status") or run.status)
            end = asked.get("end_time")
            ended = int(end) if end else (run.end if status in _ENDS else None)
            return replace(run, status=status, end=ended, name=str(asked.get("run_name") or run.name))

        self._store.change(Tracked, identity, changed)
        return {"run_info": self.run(identity)["info"]}

    def delete(self, asked: Json, *, deleted: bool) -> Json:
        """Hide a run, or show it again."""
        identity = wanted(asked, "run_id")
        self.run(identity)
        if self._store.change(Tracked, identity, lambda run: replace(run, deleted=deleted)) is None:
            if self._store.get(Step, identity):
                raise invalid(f"Run '{identity}' is a step: it goes with its job.")
            self._runs.amend(identity, {"hidden": deleted})
        return {}

    def log(self, asked: Json) -> Json:
        """Write a batch of metrics, parameters and tags; log-metric and the like are batches of one."""
        identity = wanted(asked, "run_id")
        self.run(identity)
        with self._store.transaction():
            self._facts.log_params(identity, texts(asked.get("params")))
            self._tag(identity, texts(asked.get("tags")))
            points = [p for p in asked.get("metrics") or [] if math.isfinite(float(p["value"]))]
            # Azure ML keeps no value that is not a number.
            self._runs.log_metrics([identity], points)
        return {}

    def note(self, asked: Json) -> Json:
        """Take in which models a run put out; that is known from the models themselves."""
        self.run(wanted(asked, "run_id"))
        return {}

    def delete_tag(self, asked: Json) -> Json:
        """Take a tag away; a job's own tags stay, as Azure's do."""
        self._facts.delete(wanted(asked, "run_id"), TAG, wanted(asked, "key"))
        return {}

    def log_inputs(self, asked: Json) -> Json:
        """Keep which data sets a run used."""
        datasets = asked.get("datasets") or []
        found = {str(one["dataset"]["digest"]): json.dumps(one) for one in datasets}
        self._facts.put(wanted(asked, "run_id"), INPUT, found)
        return {}

    def _tag(self, identity: str, tags: dict[str, str]) -> None:
        own = {key: value for key, value in tags.items() if key.startswith("mlflow.")}
        self._facts.put(identity, TAG, own)
        others = {key: value for key, value in tags.items() if key not in own}
        if others and self._store.get(Job, identity):
            self._runs.amend(identity, {"tags": others})
        else:
            self._facts.put(identity, TAG, others)

    def _body(self, job: Job, step: Step | None) -> Json:
        of = step or job
        identity = step.run if step else job.name
        name = step.name if step else str(job.body.get("displayName"))
        info = _info(identity, name, job.experiment_id) | {
            "status": _STATUS.get(of.status, "SCHEDULED" if of.status in _WAITING else "RUNNING"),
            "start_time": millis(parse(of.started or of.created)),
            "lifecycle_stage": "deleted" if job.hidden else "active",
        }
        if of.ended:
            info["end_time"] = millis(parse(of.ended))
        tags = {"mlflow.rootRunId": job.name, "mlflow.runName": name, "mlflow.user": USER}
        tags |= {"mlflow.parentRunId": step.parent or job.name} if step else {**job.tags}
        given = step.parameters if step else self._parameters(job)
        return self._with_facts(info, given, tags)

    def _parameters(self, job: Job) -> dict[str, str]:
        return {k: v for step in self._runs.steps(job.name) for k, v in step.parameters.items()}

    def _tracked(self, run: Tracked) -> Json:
        info = _info(run.run, run.name, run.experiment) | {
            "status": run.status,
            "start_time": run.start,
            "lifecycle_stage": "deleted" if run.deleted else "active",
        }
        if run.end:
            info["end_time"] = run.end
        return self._with_facts(info, {}, {"mlflow.runName": run.name, "mlflow.rootRunId": run.run})

    def _with_facts(self, info: Json, params: dict[str, str], tags: dict[str, str]) -> Json:
        run = str(info["run_id"])
        models = [one for one in self._store.all(LoggedModel) if one.run == run]
        data = {
            "metrics": self._runs.latest_metrics(run),
            "params": pairs({**params, **self._facts.of(run, PARAM)}),
            "tags": pairs({**tags, **self._facts.of(run, TAG)}),
        }
        inputs = [json.loads(text) for text in self._facts.of(run, INPUT).values()]
        outputs = [{"model_id": one.id, "step": 0} for one in models]
        return {
            "info": info,
            "data": data,
            "inputs": {"dataset_inputs": inputs},
            "outputs": {"model_outputs": outputs},
        }


def _info(run: str, name: str, experiment: str) -> Json:
    return {
        "run_id": run,
        "run_uuid": run,
        "run_name": name,
        "experiment_id": experiment,
        "user_id": USER,
        "artifact_uri": f"mlflow-artifacts:/{artifacts_path(run)}",
    }


def _seen(hidden: bool, view: str) -> bool:  # noqa: FBT001 - a record's flag
    return view == "ALL" or hidden == (view == "DELETED_ONLY")
