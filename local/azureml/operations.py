"""Long-running operations: accepted at once, told about by a status URL.

An operation is a pointer to its resource; how it stands is read there, so that it is right after a restart.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from local.azureml.compute import provisioning
from local.azureml.errors import missing
from local.azureml.records import Compute, Deployment, Endpoint, Job, Operation
from local.azureml.web import REGION, Answer, Way

if TYPE_CHECKING:
    from datetime import datetime

    from local.azureml.clock import Clock
    from local.azureml.settings import Settings
    from local.azureml.state import Store
    from local.azureml.web import Call, Json

RETRY = {"Retry-After": "1"}
KINDS: dict[str, type[Compute | Deployment | Endpoint | Job]] = {
    "Compute": Compute,
    "Deployment": Deployment,
    "Endpoint": Endpoint,
    "Job": Job,
}


class Operations:
    """Starts operations and answers how they stand."""

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        """Keep them in `store`."""
        self._settings = settings
        self._clock = clock
        self._store = store

    def ways(self) -> list[Way]:
        """Return the routes."""
        return [
            Way("GET", f"{REGION}/computeOperationsStatus/{{id}}", self._status),
            Way("GET", f"{REGION}/mfeOperationsStatus/{{id}}", self._status),
            Way("GET", f"{REGION}/mfeOperationResults/{{id}}", self._result),
        ]

    def begin(self, kind: str, key: str, verb: str, *, family: str = "mfeOperationsStatus") -> dict[str, str]:
        """Start an operation on the record `kind`/`key` and return the headers that lead to it."""
        url = self._url(family, self._keep(kind, key, verb))
        headers = {"Azure-AsyncOperation": url, **RETRY}
        if verb == "delete":
            headers["Location"] = url.replace("mfeOperationsStatus", "mfeOperationResults")
        return headers

    def begin_result(self, kind: str, key: str, verb: str) -> dict[str, str]:
        """Start an operation that is followed by `Location` alone."""
        return {"Location": self._url("mfeOperationResults", self._keep(kind, key, verb)), **RETRY}

    def _keep(self, kind: str, key: str, verb: str) -> str:
        resource = self._store.get(KINDS[kind], key)
        born = resource.created if resource else None
        operation = Operation(id=str(uuid.uuid4()), kind=kind, key=key, verb=verb, born=born)
        self._store.put(operation.id, operation)
        return operation.id

    def _url(self, family: str, operation: str) -> str:
        path = f"{self._settings.place.region_id}/{family}/{operation}"
        return f"{self._settings.url}{path}?api-version=2023-08-01-preview"

    def _standing(self, call: Call) -> Json:
        operation = self._store.get(Operation, call.path["id"])
        if operation is None:
            raise missing("operation", call.path["id"], code="ResourceNotFound")
        return _standing(operation, self._store, self._clock.now())

    def _status(self, call: Call) -> Answer:
        return Answer(200, self._standing(call), RETRY)

    def _result(self, call: Call) -> Answer:
        if self._standing(call)["status"] == "InProgress":
            return Answer(202, None, {"Location": call.url, **RETRY})
        return Answer(200, None)


def _standing(operation: Operation, store: Store, now: datetime) -> Json:
    resource = store.get(KINDS[operation.kind], operation.key)
    if resource is None or resource.created != operation.born:
        return {"status": "Succeeded" if operation.verb == "delete" else "Canceled"}
    if isinstance(resource, Job):
        return {"status": "Succeeded" if resource.finished else "InProgress"}
    if operation.verb == "delete":
        return {"status": "InProgress"}
    state = provisioning(resource, now) if isinstance(resource, Compute) else resource.state
    if state == "Failed":
        return {"status": "Failed", "error": resource.error}
    if state == "Deleting":
        return {"status": "Canceled"}
    return {"status": "Succeeded" if state == "Succeeded" else "InProgress"}
