"""A job's metrics: a few REST calls to the workspace's tracking service, no mlflow package."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from shared.adapters.azureml.errors import mapped
from shared.adapters.azureml.place import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.adapters.azureml.place import AzureMLPlace

MOST_RUNS = 100
MOST_POINTS = 1000
PAGE = 25_000
CURVES = ("loss", "eval_loss", "learning_rate", "grad_norm")
COMPARED = "compare_"  # as the step/compare.py names its metrics


def last_values(place: AzureMLPlace, job: str) -> Mapping[str, float]:
    """Read the last value of each metric: the root run's, else its children's. Numbers alone."""
    what = f"the metrics of {job}"
    with mapped(what):
        base = _base(place)
        asked = Request("GET", f"{base}/runs/get?{urlencode({'run_id': job})}")
        root = place.call(asked, what)["run"]
        return _latest([root]) or _latest(_children(place, base, root, what))


def curves(place: AzureMLPlace, job: str) -> Mapping[str, Sequence[tuple[int, float]]]:
    """Read each curve of the root run, else of its children; thinned evenly to `MOST_POINTS`."""
    what = f"the curves of {job}"
    with mapped(what):
        base = _base(place)
        root = place.call(Request("GET", f"{base}/runs/get?{urlencode({'run_id': job})}"), what)["run"]
        own = _keys([root])
        runs = [root] if own & {*CURVES} else list(_children(place, base, root, what))
        found: dict[str, list[tuple[int, float]]] = {}
        for run in runs:
            for key in sorted(_keys([run]) & {*CURVES} - {*found}):
                found[key] = thinned(_history(place, base, run["info"]["run_id"], key))
    return {key: points for key, points in found.items() if points}


def compared(place: AzureMLPlace, job: str) -> Mapping[str, Mapping[int, float]]:
    """Read the comparing step's figures by chat, whole: `frozen_challenger` and its like."""
    what = f"the comparison of {job}"
    with mapped(what):
        base = _base(place)
        root = place.call(Request("GET", f"{base}/runs/get?{urlencode({'run_id': job})}"), what)["run"]
        found: dict[str, dict[int, float]] = {}
        for run in [root, *_children(place, base, root, what)]:
            for key in sorted(_keys([run])):
                name = key.removeprefix(COMPARED)
                if name not in {key, *found}:
                    found[name] = dict(_history(place, base, run["info"]["run_id"], key))
    return found


def thinned(points: Sequence[tuple[int, float]], most: int = MOST_POINTS) -> list[tuple[int, float]]:
    """Keep the first, the last, and points evenly spread between them."""
    if len(points) <= most:
        return list(points)
    return [points[round(place * (len(points) - 1) / (most - 1))] for place in range(most)]


def _history(place: AzureMLPlace, base: str, run: str, key: str) -> list[tuple[int, float]]:
    """Read all points of one metric, one a step: the last that was logged for it."""
    points: dict[int, float] = {}
    asked: dict[str, Any] = {"run_id": run, "metric_key": key, "max_results": PAGE}
    while True:
        path = f"{base}/metrics/get-history?{urlencode(asked)}"
        page = place.call(Request("GET", path), f"the metric {key} of {run}")
        for point in page.get("metrics") or ():
            points[int(point.get("step") or 0)] = float(point["value"])
        if not page.get("next_page_token"):
            return sorted((step, value) for step, value in points.items() if math.isfinite(value))
        asked["page_token"] = page["next_page_token"]


def _keys(runs: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(point["key"]) for run in runs for point in (run.get("data") or {}).get("metrics") or ()}


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
    points = [point for point in points if not str(point["key"]).startswith(COMPARED)]
    points.sort(key=lambda point: (int(point.get("timestamp") or 0), int(point.get("step") or 0)))
    values = {str(point["key"]): float(point["value"]) for point in points}
    return {key: value for key, value in values.items() if math.isfinite(value)}


def _base(place: AzureMLPlace) -> str:
    uri = str(place.about()["properties"]["mlFlowTrackingUri"])
    path = uri.replace("azureml://", "https://", 1).replace("/mlflow/v1.0/", "/mlflow/v2.0/")
    return f"{path}/api/2.0/mlflow"
