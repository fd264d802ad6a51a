"""The MLflow calls with which clients read a run's metrics, parameters and tags.

Served under v1.0 and v2.0 alike: clients rewrite the one to the other. Writing calls answer 501.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from local.azureml.clock import millis, parse
from local.azureml.errors import SUPPORT, AzureError
from local.azureml.records import Job, Step
from local.azureml.web import WS, Answer, Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.azureml.runs import Runs
    from local.azureml.state import Store
    from local.azureml.web import Call, Json

_BASE = f"/mlflow/{{version}}{WS}/api/2.0/mlflow"
_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED", "Running": "RUNNING"}
_WAITING = ("NotStarted", "Queued", "Preparing")
_CONDITION = re.compile(
    r"""\s*(?P<kind>tags?|params?|parameters?|attributes?|run)\.[`"]?(?P<key>[\w./ -]+?)[`"]?"""
    r"""\s*(?P<op>!=|=)\s*(?P<quote>['"])(?P<value>.*?)(?P=quote)\s*"""
)
_MOST = 25_000


class Mlflow:
    """Reads of the tracking API, out of the emulator's own runs."""

    def __init__(self, store: Store, runs: Runs) -> None:
        """Read from these."""
        self._store = store
        self._runs = runs

    def ways(self) -> list[Way]:
        """Return the routes."""
        reads: list[tuple[str, str, Callable[[Call], Json]]] = [
            ("GET", "runs/get", lambda call: {"run": self._run(_wanted(call.query, "run_id"))}),
            ("GET", "metrics/get-history", self._metric_history),
            ("POST", "runs/search", self._search),
            ("GET", "experiments/get-by-name", self._experiment_by_name),
            ("GET", "experiments/get", self._experiment),
        ]
        ways = [Way(method, f"{_BASE}/{path}", _mlflow(how)) for method, path, how in reads]
        rest = [Way(method, f"{_BASE}/{{call:path}}", _mlflow(_unknown)) for method in ("GET", "POST")]
        return ways + rest

    def _run(self, identity: str) -> Json:
        step = self._store.get(Step, identity)
        job = self._store.get(Job, step.job if step else identity)
        if job is None:
            raise _missing(f"Run '{identity}'")
        return self._body(job, step)

    def _body(self, job: Job, step: Step | None) -> Json:
        of = step or job
        identity = step.run if step else job.name
        name = step.name if step else str(job.body.get("displayName"))
        info = {
            "run_id": identity,
            "run_uuid": identity,
            "run_name": name,
            "experiment_id": job.experiment_id,
            "user_id": "emulator",
            "status": _STATUS.get(of.status, "SCHEDULED" if of.status in _WAITING else "RUNNING"),
            "start_time": _millis(of.started or of.created),
            "artifact_uri": f"azureml://artifacts/ExperimentRun/dcid.{identity}",
            "lifecycle_stage": "deleted" if job.hidden else "active",
        }
        if of.ended:
            info["end_time"] = _millis(of.ended)
        tags = {"mlflow.rootRunId": job.name, "mlflow.runName": name, "mlflow.user": "emulator"}
        tags |= {"mlflow.parentRunId": job.name} if step else {**job.tags}
        parameters = step.parameters if step else self._parameters(job)
        data = {"metrics": self._latest(identity), "params": _pairs(parameters), "tags": _pairs(tags)}
        return {"info": info, "data": data}

    def _parameters(self, job: Job) -> dict[str, str]:
        return {k: v for step in self._runs.steps(job.name) for k, v in step.parameters.items()}

    def _latest(self, run: str) -> list[Json]:
        rows = self._store.execute(
            "SELECT key, value, step, time FROM metrics WHERE seq IN "
            "(SELECT MAX(seq) FROM metrics WHERE run=? GROUP BY key) ORDER BY key",
            (run,),
        )
        return [_point(*row) for row in rows]

    def _metric_history(self, call: Call) -> Json:
        run = call.query.get("run_id") or _wanted(call.query, "run_uuid")
        self._run(run)
        most = min(int(call.query.get("max_results", _MOST)), _MOST)
        after = int(call.query.get("page_token") or 0)
        rows = self._store.execute(
            "SELECT key, value, step, time, seq FROM metrics WHERE run=? AND key=? AND seq>? "
            "ORDER BY seq LIMIT ?",
            (run, _wanted(call.query, "metric_key"), after, most + 1),
        )
        body: Json = {"metrics": [_point(*row[:4]) for row in rows[:most]]}
        return {**body, "next_page_token": str(rows[most - 1][4])} if len(rows) > most else body

    def _search(self, call: Call) -> Json:
        asked = call.json()
        conditions = _conditions(str(asked.get("filter") or ""))
        experiments = set(asked.get("experiment_ids") or [])
        found = [
            run for run in self._all(asked.get("run_view_type", "ACTIVE_ONLY")) if _holds(run, conditions)
        ]
        found = [run for run in found if not experiments or run["info"]["experiment_id"] in experiments]
        start, most = int(asked.get("page_token") or 0), int(asked.get("max_results", 1000))
        body: Json = {"runs": found[start : start + most]}
        return {**body, "next_page_token": str(start + most)} if len(found) > start + most else body

    def _all(self, view: str) -> list[Json]:
        """Return all runs, newest first, as the tracking server orders them."""
        runs = []
        for job in reversed(self._store.all(Job)):
            if view == "ALL" or job.hidden == (view == "DELETED_ONLY"):
                runs += [
                    self._body(job, None),
                    *(self._body(job, step) for step in self._runs.steps(job.name)),
                ]
        return runs

    def _experiment_by_name(self, call: Call) -> Json:
        name = _wanted(call.query, "experiment_name")
        return self._experiment_where(str(uuid.uuid5(uuid.NAMESPACE_URL, name)), name)

    def _experiment(self, call: Call) -> Json:
        identity = _wanted(call.query, "experiment_id")
        return self._experiment_where(identity, identity)

    def _experiment_where(self, identity: str, asked: str) -> Json:
        jobs = [job for job in self._store.all(Job) if job.experiment_id == identity]
        if not jobs:
            raise _missing(f"Experiment '{asked}'")
        body = {
            "experiment_id": identity,
            "name": jobs[0].experiment,
            "artifact_location": "",
            "lifecycle_stage": "active",
            "creation_time": _millis(jobs[0].created),
            "last_update_time": _millis(jobs[-1].created),
        }
        return {"experiment": body}


def _mlflow(how: Callable[[Call], Json]) -> Callable[[Call], Answer]:
    """Answer errors as MLflow words them, not as Azure does."""

    def handler(call: Call) -> Answer:
        try:
            return Answer(body=how(call))
        except AzureError as error:
            return Answer(error.status, {"error_code": error.code, "message": error.message})

    return handler


def _unknown(call: Call) -> Json:
    message = f"The emulator has no MLflow call {call.method} {call.path['call']}. What it has: {SUPPORT}."
    raise AzureError(501, "NOT_IMPLEMENTED", message)


def _missing(what: str) -> AzureError:
    return AzureError(404, "RESOURCE_DOES_NOT_EXIST", f"{what} does not exist.")


def _invalid(message: str) -> AzureError:
    return AzureError(400, "INVALID_PARAMETER_VALUE", message)


def _wanted(query: object, name: str) -> str:
    value = query.get(name) if hasattr(query, "get") else None
    if not value:
        raise _invalid(f"Missing value for required parameter '{name}'.")
    return str(value)


def _conditions(text: str) -> list[re.Match[str]]:
    found = []
    for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text.strip() else []:
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise _invalid(f"Filter part '{part}' is not KIND.KEY = 'VALUE' or !=, joined by AND.")
        found.append(match)
    return found


def _holds(run: Json, conditions: list[re.Match[str]]) -> bool:
    return all((_value(run, part) == part["value"]) == (part["op"] == "=") for part in conditions)


def _value(run: Json, part: re.Match[str]) -> str | None:
    if part["kind"].startswith(("attribute", "run")):
        value = run["info"].get(part["key"])
        return None if value is None else str(value)
    pairs = run["data"]["tags" if part["kind"].startswith("tag") else "params"]
    return next((str(pair["value"]) for pair in pairs if pair["key"] == part["key"]), None)


def _point(key: object, value: object, step: object, time: object) -> Json:
    return {"key": key, "value": value, "step": step, "timestamp": time}


def _pairs(values: dict[str, str]) -> list[Json]:
    return [{"key": key, "value": str(value)} for key, value in values.items()]


def _millis(text: str) -> int:
    return millis(parse(text))
