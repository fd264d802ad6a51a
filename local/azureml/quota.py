"""What the region's limits refuse: names that are taken, too many of a thing, sizes, vCPUs.

The limits are those of Azure's documentation; the words are those seen by others where there are any.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from local.azureml.clock import parse
from local.azureml.errors import bad_request, inference_refuses
from local.azureml.records import Deployment, Endpoint, GoneEndpoint

if TYPE_CHECKING:
    from local.azureml.core import Core
    from local.azureml.region import Region
    from local.azureml.usages import Usages
    from local.azureml.web import Json


class Quota:
    """Checks endpoints and deployments before they are made."""

    def __init__(self, core: Core, region: Region, usages: Usages) -> None:
        """Check by the region's settings, and by what is there."""
        self._store = core.store
        self._clock = core.clock
        self._place = core.settings.place
        self._region = region
        self._usages = usages

    def check_endpoint(self, name: str) -> None:
        """Refuse a new endpoint whose name is taken in the region, or one too many.

        Raises:
            AzureError: 400.

        """
        settings = self._region.settings
        gone = self._store.get(GoneEndpoint, name)
        free = gone is None or self._clock.now() >= parse(gone.gone) + timedelta(
            seconds=settings.name_lingers
        )
        if name in settings.taken_names or not free:
            raise inference_refuses(
                "",
                "There is already an endpoint with this name, Endpoint name needs to be unique within a "
                "region. Try some other name.",
            )
        there = len(self._store.all(Endpoint))
        if there >= settings.endpoints:
            raise inference_refuses("", _too_many("endpoints in this region", there, settings.endpoints))

    def check_deployment(self, endpoint: str, body: Json, sent: Json, before: Deployment | None) -> None:
        """Refuse a deployment's size, number of instances, or number of deployments.

        Raises:
            AzureError: 400.

        """
        settings, capacity = self._region.settings, _capacity(sent)
        size = self._region.size(str(body.get("instanceType")))
        if size is None:
            raise inference_refuses(
                "InstanceType",
                f"The instance type '{body.get('instanceType')}' is not offered in this region.",
            )
        if capacity < 1:
            raise bad_request("A deployment needs at least one instance.")
        if capacity > settings.instances_per_deployment:
            limit = settings.instances_per_deployment
            raise inference_refuses("InstanceCount", _too_many("instances of a deployment", capacity, limit))
        if before is None:
            beside = len(self._store.all(Deployment, f"{endpoint}/"))
            if beside >= settings.deployments_per_endpoint:
                limit = settings.deployments_per_endpoint
                raise inference_refuses("", _too_many("deployments of an endpoint", beside, limit))
            there = len(self._store.all(Deployment))
            if there >= settings.deployments:
                raise inference_refuses(
                    "", _too_many("deployments in this region", there, settings.deployments)
                )
        more = capacity - _held(before, str(size["name"]))
        if more > 0:
            self._usages.check_deployment(size, more)


def _capacity(resource: Json) -> int:
    capacity = (resource.get("sku") or {}).get("capacity")
    return 1 if capacity is None else int(capacity)


def _held(before: Deployment | None, size: str) -> int:
    """Return how many instances of that size the deployment has already."""
    if before is None or str(before.body.get("instanceType")).lower() != size.lower():
        return 0
    return _capacity(before.resource)


def _too_many(what: str, found: int, limit: int) -> str:
    return f"The limit of {limit} {what} is reached: there are {found}. Ask Azure support for more."
