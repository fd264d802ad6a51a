"""`python -m local.provision`: what infra makes on Azure: containers, queue, and the recipes in place."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential  # noqa: TID251 - it stands in for infra
from azure.storage.blob import BlobServiceClient  # noqa: TID251
from azure.storage.queue import QueueServiceClient  # noqa: TID251

CONTAINERS = ("datasets", "recipes", "runs", "prepared", "azureml-blobstore", "azureml")
BLOB_URL, QUEUE_URL = "DROPTUNE_STORAGE__blobServiceUri", "DROPTUNE_STORAGE__queueServiceUri"
QUEUES = ("run-steps",)


def main() -> int:
    """Make what is missing; upload the recipes of the folders given, where they differ."""
    credential = DefaultAzureCredential()
    blob_url = os.environ[BLOB_URL]  # noqa: TID251 - a program's edge
    queue_url = os.environ[QUEUE_URL]  # noqa: TID251
    blobs = BlobServiceClient(blob_url, credential=credential)
    for name in CONTAINERS:
        with suppress(ResourceExistsError):
            blobs.create_container(name)
    queues = QueueServiceClient(queue_url, credential=credential)
    for name in QUEUES:
        with suppress(ResourceExistsError):
            queues.create_queue(name)
    for folder in sys.argv[1:]:
        for recipe in sorted(Path(folder).glob("*.yaml")):
            _upload(blobs, recipe)
    return 0


def _upload(blobs: BlobServiceClient, recipe: Path) -> None:
    blob = blobs.get_blob_client("recipes", recipe.name)
    try:
        same = blob.download_blob().readall() == recipe.read_bytes()
    except ResourceNotFoundError:
        same = False
    if not same:
        blob.upload_blob(recipe.read_bytes(), overwrite=True)


if __name__ == "__main__":
    sys.exit(main())
