"""The two worlds that the storage contract runs in: the fake, and the real adapters on a real Azurite."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

from tests.fakes.storage import FakeStorage
from tests.local.azureml.rig import azurite_url, make_tls, running_azurite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from shared.adapters.storage import StoragePlace
    from shared.ports import Documents, Drops, Prepared, Recipes, Steps

WORLDS = ["fake", "azurite"]
CONTAINERS = ("datasets", "recipes", "runs", "prepared")


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the storage service lives by the real clock


class Rig(Protocol):
    """A world to test in, and what people do in it behind the ports' back."""

    @property
    def documents(self) -> Documents: ...

    @property
    def drops(self) -> Drops: ...

    @property
    def recipes(self) -> Recipes: ...

    @property
    def prepared(self) -> Prepared: ...

    @property
    def steps(self) -> Steps: ...

    def write(
        self, container: str, path: str, data: bytes, metadata: Mapping[str, str] | None = None
    ) -> None: ...

    def delete(self, container: str, path: str) -> None: ...

    def listed(self, container: str) -> set[str]: ...

    def messages(self) -> list[dict[str, Any]]:
        """Take the messages that can be seen now."""


class FakeRig:
    """The fake."""

    def __init__(self) -> None:
        self.fake = FakeStorage(now)
        self.documents, self.drops = self.fake.documents, self.fake.drops
        self.recipes, self.prepared, self.steps = self.fake.recipes, self.fake.prepared, self.fake.steps
        boxes = (self.drops.box, self.recipes.box, self.documents.box, self.prepared.box)
        self._boxes = dict(zip(CONTAINERS, boxes, strict=True))

    def write(
        self, container: str, path: str, data: bytes, metadata: Mapping[str, str] | None = None
    ) -> None:
        self._boxes[container].write(path, data, metadata)

    def delete(self, container: str, path: str) -> None:
        self._boxes[container].delete(path)

    def listed(self, container: str) -> set[str]:
        return {blob.name for blob in self._boxes[container].all()}

    def messages(self) -> list[dict[str, Any]]:
        return [sent.body for sent in self.steps.take()]


@dataclass
class AzuriteRig:
    """The adapters, and the SDK beside them."""

    place: StoragePlace
    documents: Documents
    drops: Drops
    recipes: Recipes
    prepared: Prepared
    steps: Steps
    blobs: Any
    queue: Any

    def write(
        self, container: str, path: str, data: bytes, metadata: Mapping[str, str] | None = None
    ) -> None:
        client = self.blobs.get_blob_client(container, path)
        client.upload_blob(data, metadata=dict(metadata or {}), overwrite=True)

    def delete(self, container: str, path: str) -> None:
        self.blobs.get_blob_client(container, path).delete_blob()

    def listed(self, container: str) -> set[str]:
        return set(self.blobs.get_container_client(container).list_blob_names())

    def messages(self) -> list[dict[str, Any]]:
        found = list(self.queue.receive_messages(messages_per_page=32))
        for message in found:
            self.queue.delete_message(message)
        return [json.loads(base64.b64decode(message.content, validate=True)) for message in found]


class Token(NamedTuple):
    """What azure-core expects of a credential's answer."""

    token: str
    expires_on: int


class Credential:
    """A credential whose tokens Azurite takes: it reads the claims and trusts any signature."""

    def get_token(self, *_scopes: str, **_more: Any) -> Token:
        until = int(time.time()) + 3600
        claims = {
            "aud": "https://storage.azure.com",
            "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000002/",
            "iat": until - 3660,
            "nbf": until - 3660,
            "exp": until,
        }
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        signature = hmac.new(b"anything", signed.encode(), hashlib.sha256).digest()
        return Token(f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}", until)


@contextmanager
def world(name: str, folder: Path) -> Iterator[Rig]:
    """Give the fake or the real thing."""
    if name == "fake":
        yield FakeRig()
        return
    with azurite_rig(folder) as rig:
        yield rig


@contextmanager
def azurite_rig(folder: Path) -> Iterator[AzuriteRig]:
    """Start Azurite with empty containers and build the adapters by identity."""
    from shared.adapters import storage

    tls = make_tls(folder)
    (folder / "azurite").mkdir()
    with pytest.MonkeyPatch.context() as patch, running_azurite(folder / "azurite", tls) as blob_url:
        patch.setenv("REQUESTS_CA_BUNDLE", str(tls.bundle))
        queue_url = azurite_url(folder / "azurite", "Queue")
        blobs, queue = _empty(blob_url, queue_url)
        place = storage.StoragePlace(blob_url, queue_url, None, Credential)
        with blobs, queue:
            yield AzuriteRig(
                place=place,
                documents=storage.BlobDocuments(place),
                drops=storage.BlobDrops(place),
                recipes=storage.BlobRecipes(place),
                prepared=storage.BlobPrepared(place),
                steps=storage.QueueSteps(place),
                blobs=blobs,
                queue=queue,
            )
        place.close()


def _empty(blob_url: str, queue_url: str) -> tuple[Any, Any]:
    """Make what the installation makes; give clients that are not the product's."""
    from azure.storage.blob import BlobServiceClient  # noqa: TID251 - the witness beside the adapters
    from azure.storage.queue import QueueClient  # noqa: TID251 - the witness beside the adapters

    blobs = BlobServiceClient(blob_url, credential=Credential())
    for container in CONTAINERS:
        blobs.create_container(container)
    queue = QueueClient(queue_url, "run-steps", credential=Credential())
    queue.create_queue()
    return blobs, queue


def _part(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
