"""MLflow's tracking server: its routes, under v1.0 and v2.0 alike, for clients rewrite one to the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from local.azureml import run_filters
from local.azureml.errors import SUPPORT, AzureError
from local.azureml.mlflow_errors import answering, wanted
from local.azureml.web import WS, Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.azureml.artifacts import Artifacts
    from local.azureml.experiments import Experiments
    from local.azureml.logged_models import LoggedModels
    from local.azureml.model_changes import ModelChanges
    from local.azureml.model_registry import ModelRegistry
    from local.azureml.runs import Runs
    from local.azureml.tracking import Tracking

Json = dict[str, Any]
Routes = list[tuple[str, str, "Callable[[Json], Json]"]]

_BASE = f"/mlflow/{{api}}{WS}/api/2.0/mlflow"
_MOST = 25_000
_VERBS = ("GET", "POST", "PATCH", "DELETE", "PUT")


class Mlflow:
    """The calls of MLflow's REST interface, out of the emulator's own records."""

    def __init__(
        self, tracking: Tracking, runs: Runs, experiments: Experiments, artifacts: Artifacts
    ) -> None:
        """Answer from these."""
        self._tracking = tracking
        self._runs = runs
        self._experiments = experiments
        self._artifacts = artifacts

    def ways(self, registry: ModelRegistry, changes: ModelChanges, logged: LoggedModels) -> list[Way]:
        """Return all routes, and a named 501 for the rest."""
        models = [*_of_models(registry), *_changing(changes), *_of_logged(logged)]
        routes = [*self._of_runs(), *self._of_experiments(), *models]
        ways = [Way(verb, f"{_BASE}/{path}", answering(how)) for verb, path, how in routes]
        rest = [Way(verb, f"{_BASE}/{{call:path}}", answering(partial(_unknown, verb))) for verb in _VERBS]
        return [*ways, *self._artifacts.ways(), *rest]

    def _of_runs(self) -> Routes:
        track = self._tracking
        return [
            ("GET", "runs/get", lambda asked: {"run": track.run(_run_id(asked))}),
            ("GET", "metrics/get-history", self._history),
            ("POST", "runs/search", self._search),
            ("POST", "runs/create", track.create),
            ("POST", "runs/update", track.update),
            ("POST", "runs/delete", partial(track.delete, deleted=True)),
            ("POST", "runs/restore", partial(track.delete, deleted=False)),
            ("POST", "runs/log-metric", lambda asked: track.log({**asked, "metrics": [asked]})),
            ("POST", "runs/log-parameter", lambda asked: track.log({**asked, "params": [asked]})),
            ("POST", "runs/set-tag", lambda asked: track.log({**asked, "tags": [asked]})),
            ("POST", "runs/log-batch", track.log),
            ("POST", "runs/delete-tag", track.delete_tag),
            ("POST", "runs/log-inputs", track.log_inputs),
            ("POST", "runs/outputs", track.note),
            ("POST", "runs/log-model", track.note),
            ("GET", "artifacts/list", self._artifacts.listed),
        ]

    def _of_experiments(self) -> Routes:
        own = self._experiments
        return [
            ("GET", "experiments/get", lambda a: {"experiment": own.find(wanted(a, "experiment_id"))}),
            ("GET", "experiments/get-by-name", own.by_name),
            ("POST", "experiments/search", own.search),
            ("GET", "experiments/search", own.search),
            ("POST", "experiments/create", own.create),
            ("POST", "experiments/set-experiment-tag", own.set_tag),
            ("POST", "experiments/delete", partial(own.delete, deleted=True)),
            ("POST", "experiments/restore", partial(own.delete, deleted=False)),
        ]

    def _history(self, asked: Json) -> Json:
        run = _run_id(asked)
        self._tracking.run(run)
        most = min(int(asked.get("max_results") or _MOST), _MOST)
        after = int(asked.get("page_token") or 0)
        points = self._runs.metric_points(run, wanted(asked, "metric_key"), after, most + 1)
        body: Json = {"metrics": [point for _, point in points[:most]]}
        return {**body, "next_page_token": str(points[most - 1][0])} if len(points) > most else body

    def _search(self, asked: Json) -> Json:
        conditions = run_filters.conditions(str(asked.get("filter") or ""))
        experiments = set(asked.get("experiment_ids") or [])
        found = [
            run
            for run in self._tracking.all(asked.get("run_view_type") or "ACTIVE_ONLY")
            if (not experiments or run["info"]["experiment_id"] in experiments)
            and all(condition.holds(run) for condition in conditions)
        ]
        found = run_filters.ordered(found, asked.get("order_by") or [])
        start, most = int(asked.get("page_token") or 0), int(asked.get("max_results") or 1000)
        body: Json = {"runs": found[start : start + most]}
        return {**body, "next_page_token": str(start + most)} if len(found) > start + most else body


def _of_models(registry: ModelRegistry) -> Routes:
    return [
        ("POST", "registered-models/create", registry.create),
        ("GET", "registered-models/get", registry.get),
        ("GET", "registered-models/search", registry.search),
        ("POST", "registered-models/get-latest-versions", registry.latest),
        ("GET", "registered-models/get-latest-versions", registry.latest),
        ("POST", "model-versions/create", registry.create_version),
        ("GET", "model-versions/get", registry.get_version),
        ("GET", "model-versions/search", registry.search_versions),
        ("GET", "model-versions/get-download-uri", registry.download_uri),
    ]


def _changing(changes: ModelChanges) -> Routes:
    return [
        ("PATCH", "model-versions/update", changes.describe_version),
        ("POST", "model-versions/set-tag", changes.tag_version),
        ("DELETE", "model-versions/delete-tag", changes.untag_version),
        ("DELETE", "model-versions/delete", changes.delete_version),
        ("PATCH", "registered-models/update", changes.describe),
        ("POST", "registered-models/set-tag", changes.tag),
        ("DELETE", "registered-models/delete-tag", changes.untag),
        ("DELETE", "registered-models/delete", changes.delete),
    ]


def _of_logged(logged: LoggedModels) -> Routes:
    return [
        ("POST", "logged-models", logged.create),
        ("POST", "logged-models/search", logged.search),
        ("GET", "logged-models/{model_id}", logged.get),
        ("PATCH", "logged-models/{model_id}", logged.finish),
        ("POST", "logged-models/{model_id}/params", logged.log_params),
        ("PATCH", "logged-models/{model_id}/tags", logged.set_tags),
    ]


def _run_id(asked: Json) -> str:
    return str(asked.get("run_id") or wanted(asked, "run_uuid"))


def _unknown(verb: str, asked: Json) -> Json:
    message = f"The emulator has no MLflow call {verb} {asked['call']}. What it has: {SUPPORT}."
    raise AzureError(501, "NOT_IMPLEMENTED", message)
