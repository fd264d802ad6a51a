"""One Azurite and one emulator for all tests of this folder that do not need their own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.local.azureml.flow import PARTS, Storage, rows
from tests.local.azureml.rig import NAME, SUBSCRIPTION, Emulator, Tls, make_tls, running_azurite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Token(NamedTuple):
    """What azure-core expects of a credential's answer."""

    token: str
    expires_on: int


class Credential:
    """A credential that asks the emulator's token endpoint."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def get_token(self, *scopes: str, **_more: Any) -> Token:
        resource = scopes[0].removesuffix("/.default")
        return Token(self._emulator.token(resource), int(time.time()) + 3600)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def blob_url(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Iterator[str]:
    with running_azurite(tmp_path_factory.mktemp("azurite"), tls) as url:
        yield url


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory, tls: Tls, blob_url: str) -> Iterator[Emulator]:
    """An emulator whose trainer is the stand-in."""
    running = Emulator(tmp_path_factory.mktemp("emulator"), tls, blob_url)
    running.start()
    yield running
    if running.process:
        running.stop()


@pytest.fixture
def make_emulator(tmp_path: Path, tls: Tls, blob_url: str) -> Iterator[Callable[..., Emulator]]:
    """Return a maker of emulators that a test has for itself."""
    made: list[Emulator] = []

    def make(*options: str, **more: Any) -> Emulator:
        folder = tmp_path / f"emulator{len(made)}"
        folder.mkdir()
        made.append(Emulator(folder, tls, blob_url, list(options), **more))
        made[-1].start()
        return made[-1]

    yield make
    for running in made:
        if running.process:
            running.stop()


@pytest.fixture(scope="session")
def storage(emulator: Emulator) -> Storage:
    """Blob Storage with a small data set at prepared/chats."""
    found = Storage(emulator.blob_url, str(emulator.tls.bundle), Credential(emulator))
    for part in PARTS:
        found.put("prepared", f"chats/{part}.jsonl", rows(12 if part == "train" else 3))
    return found


@pytest.fixture(scope="session")
def ml(emulator: Emulator, storage: Storage) -> Iterator[Callable[..., Any]]:  # noqa: ARG001 - has the data
    """Return a maker of unmodified MLClients that find the emulator by environment alone."""
    patch = pytest.MonkeyPatch()
    for key, value in emulator.environment().items():
        patch.setenv(key, value)
    from azure.ai.ml import MLClient  # noqa: TID251 - the SDK under test
    from azure.identity import DefaultAzureCredential  # noqa: TID251

    def make(**more: str) -> Any:
        place = {"subscription_id": SUBSCRIPTION, "resource_group_name": NAME, "workspace_name": NAME}
        return MLClient(DefaultAzureCredential(), **(more or place), enable_telemetry=False)

    yield make
    patch.undo()
