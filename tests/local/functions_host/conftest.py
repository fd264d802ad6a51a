"""One Azurite for the folder, one host for all tests that do not need their own."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from tests.local.functions_host.rig import Host, Storage, running_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with running_storage(tmp_path_factory.mktemp("storage")) as found:
        yield found


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory, storage: Storage) -> Iterator[Host]:
    running = Host(storage, tmp_path_factory.mktemp("host"), f"shared-{os.getpid()}")
    running.start()
    yield running
    assert running.stop() == 0, running.log()


@pytest.fixture
def make_host(tmp_path_factory: pytest.TempPathFactory, storage: Storage) -> Iterator[Callable[..., Host]]:
    """Return a maker of hosts, each with a queue of its own; `start` is the test's to call."""
    made: list[Host] = []

    def make(*options: str, **settings: str) -> Host:
        folder, queue = tmp_path_factory.mktemp("host"), f"own-{os.getpid()}-{next(NUMBERS)}"
        made.append(Host(storage, folder, queue, settings, list(options)))
        return made[-1]

    yield make
    for running in made:
        if running.process:
            running.process.kill()
            running.ended()
