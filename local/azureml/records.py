"""What the emulator remembers. `body` is always the `properties` a caller sent, in Azure's own words."""

from __future__ import annotations

from typing import Any

import msgspec

Json = dict[str, Any]

FINISHED = frozenset({"Completed", "Failed", "Canceled"})


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline job. Times are stamps in UTC; `wish` is what was asked of a running one."""

    name: str
    body: Json
    status: str
    created: str
    number: int
    experiment_id: str
    started: str | None = None
    ended: str | None = None
    modified: str | None = None
    error: Json | None = None
    properties: dict[str, str] = {}
    outputs: dict[str, str] = {}
    hidden: bool = False
    wish: str | None = None
    wish_error: Json | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to this job."""
        return self.status in FINISHED

    @property
    def tags(self) -> dict[str, str]:
        """The job's tags."""
        tags: dict[str, str] = self.body.get("tags") or {}
        return tags

    @property
    def experiment(self) -> str:
        """The experiment's name."""
        return str(self.body["experimentName"])


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a job: a child run. Its key is its run id.

    parent: the run it is a child of, None for the job's. pipeline: it is such a run, and does nothing itself.
    """

    run: str
    job: str
    node: str
    name: str
    status: str
    created: str
    started: str | None = None
    ended: str | None = None
    error: Json | None = None
    parameters: dict[str, str] = {}
    properties: dict[str, str] = {}
    outputs: dict[str, str] = {}
    parent: str | None = None
    pipeline: bool = False


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an asset beside its versions. The key is `<kind>/<name>`."""

    body: Json


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model, data, code, environment or component. The key is `<kind>/<name>/<version>`."""

    kind: str
    name: str
    version: str
    body: Json
    created: str
    modified: str
    job: str | None = None


class StoredDatastore(msgspec.Struct, frozen=True, kw_only=True):
    """A datastore that a client made."""

    name: str
    body: Json
    created: str


class WorkspaceChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a client has changed of the workspace: its tags, and words about it."""

    tags: dict[str, str] = {}
    properties: Json = {}


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """A run that an MLflow client began by itself. `start` and `end` are its own milliseconds since 1970."""

    run: str
    experiment: str
    name: str
    status: str
    created: str
    start: int
    end: int | None = None
    deleted: bool = False


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment that a client made or changed; the others are there through their jobs."""

    name: str
    created: str
    tags: dict[str, str] = {}
    deleted: bool = False


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that an MLflow 3 client logged; `run` is empty where no run did."""

    id: str
    name: str
    experiment: str
    run: str
    kind: str
    created: str
    status: str = "LOGGED_MODEL_PENDING"
    tags: dict[str, str] = {}
    params: dict[str, str] = {}


class Compute(msgspec.Struct, frozen=True, kw_only=True):
    """One compute cluster."""

    name: str
    body: Json
    tags: dict[str, str]
    created: str
    modified: str
    ready: str | None = None
    error: Json | None = None
    identity: Json | None = None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One managed online endpoint; `resource` is what ARM keeps beside the properties."""

    name: str
    body: Json
    resource: Json
    primary: str
    secondary: str
    created: str
    modified: str
    state: str = "Succeeded"
    error: Json | None = None


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment. The key is `<endpoint>/<name>`; `turn` grows when its server must be another.

    `served` tells whether it has ever come up.
    """

    endpoint: str
    name: str
    body: Json
    resource: Json
    created: str
    modified: str
    state: str = "Creating"
    turn: int = 1
    served: bool = False
    error: Json | None = None

    @property
    def key(self) -> str:
        """The record's key."""
        return f"{self.endpoint}/{self.name}"


class GoneEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that was deleted: its name may stay taken for a while."""

    name: str
    gone: str


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One long-running operation on the resource that was made at `born`."""

    id: str
    kind: str
    key: str
    verb: str
    born: str | None = None


class Subscriber(msgspec.Struct, frozen=True, kw_only=True):
    """One event subscription; its URL carries a key and is never logged whole."""

    name: str
    url: str
    types: list[str] = []
