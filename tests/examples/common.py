"""What every example needs: a client, found by the environment alone, and small data."""

from __future__ import annotations

import csv
import os
import uuid
from pathlib import Path

from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

HERE = Path(__file__).parent
ENVIRONMENT = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"


def workspace() -> MLClient:
    """Return a client of the workspace that the environment names."""
    return MLClient(
        DefaultAzureCredential(),
        os.environ["AZURE_SUBSCRIPTION_ID"],
        os.environ["AZURE_RESOURCE_GROUP"],
        os.environ["AZUREML_WORKSPACE_NAME"],
    )


def unique(prefix: str) -> str:
    """Return a name that no other run of an example has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def points(folder: Path, slope: float = 2.0, intercept: float = 1.0, rows: int = 20) -> Path:
    """Write points of a line into a CSV file and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "points.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y"])
        writer.writerows([x, slope * x + intercept] for x in range(rows))
    return path
