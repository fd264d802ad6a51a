"""The emulator put together: what is made, in which order it starts and ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from local.azureml import absent, noop
from local.azureml.admin import Admin
from local.azureml.artifacts import Artifacts
from local.azureml.assets import Assets
from local.azureml.bench import Bench
from local.azureml.blobstore import BlobFailure, BlobStore
from local.azureml.bootstrap import Bootstrap
from local.azureml.clock import Clock
from local.azureml.codes import Codes
from local.azureml.compute import Computes
from local.azureml.containers import Containers
from local.azureml.core import Core
from local.azureml.datastores import Datastores
from local.azureml.deployments import Deployments
from local.azureml.door import Door
from local.azureml.endpoints import Endpoints
from local.azureml.events import Events
from local.azureml.experiments import Experiments
from local.azureml.facts import Facts
from local.azureml.history import History
from local.azureml.identity import Issuer
from local.azureml.jobs import Jobs
from local.azureml.lives import Lives
from local.azureml.logged_models import LoggedModels
from local.azureml.mishaps import Mishaps
from local.azureml.mlflow import Mlflow
from local.azureml.model_changes import ModelChanges
from local.azureml.model_registry import ModelRegistry
from local.azureml.models import ModelFolders
from local.azureml.monitor import Monitor
from local.azureml.neighbours import Neighbours
from local.azureml.nursery import Nursery
from local.azureml.operations import Operations
from local.azureml.places import Places
from local.azureml.prices import Prices
from local.azureml.quota import Quota
from local.azureml.region import Region
from local.azureml.region_admin import RegionAdmin
from local.azureml.registry import Registry
from local.azureml.runner import Runner
from local.azureml.runs import Runs
from local.azureml.scoring import Scoring
from local.azureml.serving import Servers, Tools
from local.azureml.shelf import Shelf
from local.azureml.sources import Sources
from local.azureml.state import Store
from local.azureml.steps import Workshop
from local.azureml.tracking import Tracking
from local.azureml.usages import Usages

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette

    from local.azureml.events import Topic
    from local.azureml.settings import Settings

_PAUSE = 2.0


class Emulator:
    """One workspace with its registry, jobs, models and endpoints."""

    def __init__(self, settings: Settings, make_topic: Callable[[str, Clock], Topic]) -> None:
        """Open the state and put everything together; nothing runs yet."""
        state, clock = settings.state, Clock()
        store = Store(None if settings.in_memory else state / "state.db")
        issuer = Issuer(settings)
        self._core = core = Core(settings, store, clock, issuer, Operations(settings, store, clock))
        self._closing = threading.Event()
        self._door = Door(settings.place, issuer)
        self._events = Events(settings, store, clock, make_topic(settings.place.id, clock))
        self._nursery = Nursery(settings.trainer, state / "nursery.log", settings.limits.child_stop)
        self._blobs = BlobStore(settings, issuer)
        self._datastores = Datastores(settings, self._blobs, store)
        region, shelf, self._mishaps = Region(store, clock), Shelf(store), Mishaps()
        self._usages = Usages(core, region)
        self._registry = Registry(settings, shelf, region)
        self._computes = Computes(core, region, self._usages, self._mishaps)
        self._region_admin = RegionAdmin(region, self._usages, shelf, self._mishaps)
        self._places = Places(store, self._datastores)
        self._assets = Assets(settings, store, clock, self._places)
        self._codes = Codes(settings, self._blobs)
        self._put_jobs_together(core)
        self._put_serving_together(core)

    def _put_jobs_together(self, core: Core) -> None:
        settings, store = core.settings, core.store
        sources = Sources(self._registry, self._datastores, self._assets, self._places, self._computes)
        bench = Bench(settings, core.issuer, sources, self._datastores, self._assets, self._codes)
        runs = Runs(store, core.clock, self._events)
        region, folder = self._region_admin.region, settings.state / "jobs"
        shop = Workshop(runs, bench, self._datastores, self._nursery, self._mishaps, region, folder)
        self._runner = Runner(store, runs, shop, settings.limits.jobs_at_once)
        self._jobs = Jobs(core, runs, self._runner, bench)
        self._history = History(settings, runs, shop, core.issuer)
        self._put_mlflow_together(core, runs)

    def _put_mlflow_together(self, core: Core, runs: Runs) -> None:
        store, clock = core.store, core.clock
        experiments = Experiments(store, clock)
        self._logged = LoggedModels(store, clock)
        tracking = Tracking(store, runs, Facts(store), experiments)
        artifacts = Artifacts(self._datastores, self._blobs)
        self._mlflow = Mlflow(tracking, runs, experiments, artifacts)
        self._models = ModelRegistry(store, self._assets, self._places, self._datastores, self._logged)

    def _put_serving_together(self, core: Core) -> None:
        settings, store = core.settings, core.store
        lives = Lives(store, core.clock)
        folders = ModelFolders(settings.state / "models", store, self._assets, self._places, self._datastores)
        containers = Containers(settings, core.issuer, self._nursery, folders, self._assets, self._codes)
        self._servers = Servers(Tools(settings, store, containers, folders, lives, self._mishaps))
        quota = Quota(core, self._region_admin.region, self._usages)
        self._deployments = Deployments(core, self._assets, self._servers, quota)
        self._endpoints = Endpoints(core, quota, self._mishaps)
        self._scoring = Scoring(store, self._servers, lives, core.issuer, self._door)
        self._monitor = Monitor(settings, store, core.clock, lives)

    def application(self) -> Starlette:
        """Return the workspace's application, to be served over HTTPS."""
        core = self._core
        parts = [
            Bootstrap(core.settings, core.store).ways(),
            self._registry.ways(),
            self._computes.ways(),
            self._usages.ways(),
            core.operations.ways(),
            self._datastores.ways(),
            self._codes.ways(),
            self._assets.ways(),
            self._jobs.ways(),
            self._history.ways(),
            self._mlflow.ways(self._models, ModelChanges(core.store, self._models), self._logged),
            self._endpoints.ways(self._deployments),
            self._deployments.ways(),
            self._monitor.ways(),
            Prices(core.settings).ways(),
            Neighbours(core.settings).ways(),
            Admin(core, self._door, self._events, self._runner, self._servers).ways(),
            self._region_admin.ways(),
            absent.ways(),
        ]
        return self._door.application([way for part in parts for way in part], self._scoring.routes())

    def identity_application(self) -> Starlette:
        """Return the managed identity's token endpoint, to be served over plain HTTP."""
        return self._door.application([*self._core.issuer.ways(), *noop.ways(self._core.settings)])

    def start(self) -> None:
        """Take up what was unfinished; returns at once, the work goes on in threads."""
        self._events.resume()
        threading.Thread(target=self._warm_up, name="warm up", daemon=True).start()

    def _warm_up(self) -> None:
        self._nursery.warm()
        self._await_storage()
        self._deployments.resume()
        self._endpoints.resume(self._deployments)
        self._runner.resume()

    def _await_storage(self) -> None:
        """Make the workspace's containers; Blob Storage may start later than the emulator."""
        while not self._closing.is_set():
            try:
                self._datastores.ensure_containers()
            except BlobFailure:
                self._closing.wait(_PAUSE)
            else:
                return

    async def close_connections(self) -> None:
        """Close what belongs to the event loop."""
        await self._scoring.close()

    def close(self) -> None:
        """End every child, leaving jobs and deployments as they are for the next start."""
        self._closing.set()
        self._runner.close()
        self._servers.close()
        self._nursery.close()
        self._runner.join()
        self._servers.join()
        self._events.close()
        self._blobs.close()
        self._core.store.close()
