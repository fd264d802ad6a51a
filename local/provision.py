"""`python -m local.provision`: what infra makes on Azure, and what owners put there.

Containers, the queue, the recipes, and the base models' tokenizers: here all stand on one small model, so
that each gets that one's, with the maximum that the local trainer cuts at.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential  # noqa: TID251 - it stands in for infra
from azure.storage.blob import BlobServiceClient  # noqa: TID251
from azure.storage.queue import QueueServiceClient  # noqa: TID251

from local.azureml import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTAINERS = ("datasets", "recipes", "runs", "prepared", "azureml-blobstore", "azureml")
BLOB_URL, QUEUE_URL = "DROPTUNE_STORAGE__blobServiceUri", "DROPTUNE_STORAGE__queueServiceUri"
QUEUES = ("run-steps",)


def main() -> int:
    """Make what is missing; upload the recipes of the folders given, and tokenizers, where they differ."""
    parser = argparse.ArgumentParser(prog="local.provision", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--foundation", type=Path, help="the folder of the model that all stand on")
    args = parser.parse_args()
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
    for folder in args.folders:
        for recipe in sorted(folder.glob("*.yaml")):
            _upload(blobs, recipe.name, recipe.read_bytes())
    for name, data in _tokenizer(args.foundation) if args.foundation else ():
        for model in {model["name"] for model in catalogue.models()}:
            _upload(blobs, f"tokenizers/{model}/{name}", data)
    return 0


def _tokenizer(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files of a model's tokenizer. Its maximum is the model's where it names none itself."""
    for name in ("tokenizer.json", "chat_template.jinja"):
        if (folder / name).is_file():
            yield name, (folder / name).read_bytes()
    config = json.loads((folder / "tokenizer_config.json").read_bytes())
    longest = json.loads((folder / "config.json").read_bytes())["max_position_embeddings"]
    config["model_max_length"] = min(longest, config.get("model_max_length") or longest)
    yield "tokenizer_config.json", json.dumps(config, indent=1).encode()


def _upload(blobs: BlobServiceClient, name: str, data: bytes) -> None:
    blob = blobs.get_blob_client("recipes", name)
    try:
        same = blob.download_blob().readall() == data
    except ResourceNotFoundError:
        same = False
    if not same:
        blob.upload_blob(data, overwrite=True)


if __name__ == "__main__":
    sys.exit(main())
