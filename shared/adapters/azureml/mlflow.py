"""A job's metrics: a few REST calls to the workspace's tracking service, no mlflow package."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from shared.adapters.azureml.errors import mapped
from shared.adapters.azureml.place import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.adapters.azureml.place import AzureMLPlace

MOST_RUNS = 100


def last_values(place: AzureMLPlace, job: str) -> Mapping[str, float]:
    """Read the last value of each metric: the root run's, else its children's. Numbers alone."""
    what = f"the metrics of {job}"
    with mapped(what):
        base = _base(place)
        asked = Request("GET", f"{base}/runs/get?{urlencode({'run_id': job})}")
        root = place.call(asked, what)["run"]
        return _latest([root]) or _latest(_children(place, base, root, what))


def _children(place: AzureMLPlace, base: str, root: Mapping[str, Any], what: str) -> Iterable[dict[str, Any]]:
    body = {
        "experiment_ids": [root["info"]["experiment_id"]],
        "filter": f"tags.mlflow.rootRunId = '{root['info']['run_id']}'",
        "run_view_type": "ACTIVE_ONLY",
        "max_results": MOST_RUNS,
    }
    found = place.call(Request("POST", f"{base}/runs/search", body=body), what).get("runs") or ()
    return [run for run in found if run["info"]["run_id"] != root["info"]["run_id"]]


def _latest(runs: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Take each key's latest point over all runs; a step's own run and a parent may both carry it."""
    points = [point for run in runs for point in (run.get("data") or {}).get("metrics") or ()]
    points.sort(key=lambda point: (int(point.get("timestamp") or 0), int(point.get("step") or 0)))
    values = {str(point["key"]): float(point["value"]) for point in points}
    return {key: value for key, value in values.items() if math.isfinite(value)}


def _base(place: AzureMLPlace) -> str:
    uri = str(place.about()["properties"]["mlFlowTrackingUri"])
    path = uri.replace("azureml://", "https://", 1).replace("/mlflow/v1.0/", "/mlflow/v2.0/")
    return f"{path}/api/2.0/mlflow"
