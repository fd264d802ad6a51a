"""Endpoints and deployments, in our words."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime


NO_COPIES: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class Endpoint:
    """A managed online endpoint. state: Azure ML's provisioning state, lower case.

    traffic: percent by deployment, 0 left out; mirror: percent of the live traffic that is copied to it.
    """

    name: str
    state: str
    tags: Mapping[str, str]
    traffic: Mapping[str, int]
    scoring_url: str | None = None
    created: datetime | None = None
    location: str | None = None
    mirror: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployment:
    """A deployment below an endpoint. state: as Endpoint.state."""

    endpoint: str
    name: str
    state: str
    tags: Mapping[str, str]
    instance_type: str = ""
    instance_count: int = 1
    model: str | None = None
    created: datetime | None = None


@dataclass(frozen=True)
class DeploymentSpec:
    """What a deployment is made of. model: a registered version's id."""

    endpoint: str
    name: str
    model: str
    instance_type: str
    instance_count: int
    tags: Mapping[str, str]


class Endpoints(Protocol):
    """Endpoints and deployments. Creating and deleting begin and return; the next look tells how it goes."""

    def find(self, name: str) -> Endpoint:
        """Look at one; raises Missing."""

    def all(self) -> Iterator[Endpoint]:
        """List every endpoint of the workspace, ours or not."""

    def create(self, name: str, auth: str, tags: Mapping[str, str]) -> None:
        """Begin to make one; auth: key or entra. Raises AlreadyThere where the region knows the name."""

    def tag(self, name: str, tags: Mapping[str, str], deployment: str | None = None) -> None:
        """Give an endpoint, or one of its deployments, these tags and no others; raises Missing."""

    def set_traffic(
        self, name: str, traffic: Mapping[str, int], mirror: Mapping[str, int] = NO_COPIES
    ) -> None:
        """Begin to move the traffic: the whole of it, percent by deployment, and what is copied to whom."""

    def delete(self, name: str) -> None:
        """Begin to delete one with all its deployments; what is not there is deleted already."""

    def deployment(self, endpoint: str, name: str) -> Deployment:
        """Look at one; raises Missing."""

    def deployments(self, endpoint: str) -> Sequence[Deployment]:
        """List those of one endpoint."""

    def counts(self) -> Mapping[str, int]:
        """Count the deployments of each endpoint; the count may be a minute old."""

    def deploy(self, spec: DeploymentSpec) -> str | None:
        """Begin to make a deployment; give the operation to ask how it went, where there is one."""

    def why(self, operation: str) -> str | None:
        """Say why an operation failed, in Azure ML's words; None where it does not say, or did not fail."""

    def undeploy(self, endpoint: str, name: str) -> None:
        """Begin to delete one; what is not there is deleted already."""

    def log_tail(self, endpoint: str, deployment: str) -> str:
        """Read the end of its container's log, at most 2,000 characters; empty where there is none."""

    def ask(self, endpoint: str, messages: Sequence[Mapping[str, str]], deployment: str | None = None) -> str:
        """Put a chat to the endpoint or to one deployment, with or without traffic; return the answer."""
