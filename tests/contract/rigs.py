"""The two worlds that the Azure ML contract runs in: the fake, and the real adapters on the emulator."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import httpx

from shared.adapters import azureml, credential, monitor, prices
from tests.fakes.azureml import FakeAzureML
from tests.local.azureml.flow import PARTS, Storage, rows
from tests.local.azureml.rig import NAME, SUBSCRIPTION, Emulator, make_tls, running_azurite, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from shared.ports import Computes, Endpoints, Job, Jobs, Models, Monitor, Prices

COMPUTE, SIZE, LOCATION = "gpu-cluster", "Standard_NC24ads_A100_v4", "eastus2"
JOBS_IDENTITY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NAME}"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-jobs"
)
ENVIRONMENT = "azureml://registries/azureml/environments/acft-hf-nlp-gpu/labels/latest"
NUMBERS = itertools.count(1)


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the emulator lives by the real clock


class Rig(Protocol):
    """A world to test in, and what its tests need done."""

    @property
    def jobs(self) -> Jobs: ...

    @property
    def models(self) -> Models: ...

    @property
    def computes(self) -> Computes: ...

    @property
    def endpoints(self) -> Endpoints: ...

    @property
    def monitor(self) -> Monitor: ...

    @property
    def prices(self) -> Prices: ...

    def finish(self, job: str) -> None: ...

    def fail(self, job: str) -> None: ...

    def take_name(self, endpoint: str) -> None: ...


def unique(prefix: str) -> str:
    """Name something that no other test names."""
    return f"{prefix}-{next(NUMBERS)}"


class FakeRig:
    """The fake: what time does elsewhere, the test does here."""

    def __init__(self) -> None:
        self.fake = FakeAzureML(now)
        self.jobs, self.models, self.computes = self.fake.jobs, self.fake.models, self.fake.computes
        self.endpoints, self.monitor, self.prices = self.fake.endpoints, self.fake.monitor, self.fake.prices

    def finish(self, job: str) -> None:
        self.fake.jobs.finish(job)

    def fail(self, job: str) -> None:
        self.fake.jobs.fail(job, "UserError: it went wrong", "the end of the log")

    def take_name(self, endpoint: str) -> None:
        self.fake.endpoints.taken.add(endpoint)


@dataclass
class EmulatorRig:
    """The adapters, against the emulator by environment alone."""

    emulator: Emulator
    jobs: Jobs
    models: Models
    computes: Computes
    endpoints: Endpoints
    monitor: Monitor
    prices: Prices

    def finish(self, job: str) -> None:
        self._ends(job, "completed")

    def fail(self, job: str) -> None:
        def stopped() -> bool:
            answer = self.emulator.client().post(f"{self.emulator.url}/admin/jobs/{job}/fail")
            return answer.status_code == httpx.codes.ACCEPTED

        until(stopped, 30, f"{job} can be failed")
        self._ends(job, "failed")

    def take_name(self, endpoint: str) -> None:
        message = (
            f"There is already an endpoint with this name: {endpoint}, it needs to be unique in a region"
        )
        route = "PUT {ws}/onlineEndpoints/{endpoint}"
        fault = {"route": route, "status": 400, "code": "BadRequest", "message": message}
        self.emulator.admin("POST", "faults", json=fault)

    def put(self, path: str, count: int) -> None:
        """Put prepared rows where a job can read them."""
        storage = Storage(self.emulator.blob_url, str(self.emulator.tls.bundle), credential.credential())
        storage.put("prepared", path, rows(count))

    def _ends(self, job: str, status: str) -> None:
        def over() -> Job | None:
            found = self.jobs.find(job)
            return found if found.over else None

        found = until(over, 60, f"{job} is over")
        assert found.status == status, found


@contextmanager
def emulator_rig(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[EmulatorRig]:
    """Start Azurite and an emulator, point the environment at it, and build the adapters."""
    tls = make_tls(folder)
    for part in ("azurite", "emulator"):
        (folder / part).mkdir()
    with running_azurite(folder / "azurite", tls) as blob_url:
        emulator = Emulator(folder / "emulator", tls, blob_url, ["--compute", f"{COMPUTE}={SIZE}"])
        emulator.start()
        try:
            for key, value in emulator.environment().items():
                patch.setenv(key, value)
            # A credential remembers where its tokens come from, and this emulator is not the last one.
            patch.setattr(credential, "_made", [])
            rig = _adapters(emulator)
            _put_data(emulator)
            yield rig
        finally:
            emulator.stop()


def _put_data(emulator: Emulator) -> None:
    storage = Storage(emulator.blob_url, str(emulator.tls.bundle), credential.credential())
    for part in PARTS:
        storage.put("prepared", f"run/claim/{part}.jsonl", rows(12 if part == "train" else 3))


def _adapters(emulator: Emulator) -> EmulatorRig:
    place = azureml.AzureMLPlace(
        subscription=SUBSCRIPTION,
        resource_group=NAME,
        workspace=NAME,
        registry="azureml",
        datastore="droptune_prepared",
        arm_url=emulator.url,
        credential=credential.credential,
        jobs_identity=JOBS_IDENTITY,
        environment=ENVIRONMENT,
    )
    return EmulatorRig(
        emulator=emulator,
        jobs=azureml.AzureMLJobs(place),
        models=azureml.AzureMLModels(place),
        computes=azureml.AzureMLComputes(place),
        endpoints=azureml.AzureMLEndpoints(place, count_seconds=0),
        monitor=monitor.AzureMonitor(place, f"{emulator.url}/metrics"),
        prices=prices.RetailPrices(f"{emulator.url}/api/retail/prices", now),
    )
