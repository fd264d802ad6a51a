"""A job's metrics: a few REST calls to the workspace's tracking service, no mlflow package."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.adapters.azureml.place import AzureMLPlace

WHAT = "the job's metrics"


def last_values(place: AzureMLPlace, job: str) -> Mapping[str, float]:
    """Read the last value of each metric: the root run's, else its children's."""
    base = _base(place)
    root = place.call("GET", f"{base}/runs/get?{urlencode({'run_id': job})}", "", WHAT)["run"]
    found = _metrics(root)
    if found:
        return found
    asked = {
        "experiment_ids": [root["info"]["experiment_id"]],
        "filter": f"tags.mlflow.rootRunId = '{job}'",
        "run_view_type": "ACTIVE_ONLY",
        "max_results": 100,
    }
    merged: dict[str, float] = {}
    for run in place.call("POST", f"{base}/runs/search", "", WHAT, asked).get("runs") or ():
        merged |= _metrics(run)
    return merged


def _metrics(run: Mapping[str, Any]) -> dict[str, float]:
    points = (run.get("data") or {}).get("metrics") or ()
    values = {point["key"]: float(point["value"]) for point in points}
    return {key: value for key, value in values.items() if math.isfinite(value)}


def _base(place: AzureMLPlace) -> str:
    uri = str(place.about()["properties"]["mlFlowTrackingUri"])
    return (
        uri.replace("azureml://", "https://", 1).replace("/mlflow/v1.0/", "/mlflow/v2.0/") + "/api/2.0/mlflow"
    )
