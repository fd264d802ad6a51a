"""What was made with the installation, in our words: the doctor alone looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.domain.needed_roles import Grant


@dataclass(frozen=True)
class Datastore:
    """A datastore over a container. account: storage's name; credential: Azure ML's word for its kind."""

    name: str
    account: str
    container: str
    credential: str


@dataclass(frozen=True)
class Host:
    """The Function App. address: its name in the web; principals: of its identities."""

    id: str
    address: str
    state: str
    principals: tuple[str, ...] = ()


class Surroundings(Protocol):
    """The installation as it was made. A part whose id no setting tells raises Missing."""

    def who(self) -> str:
        """Name who asks, as the token says; raises Misconfigured or Transient where there is none."""

    def region(self) -> str:
        """Give the workspace's region; raises Missing where there is no such workspace."""

    def container(self, name: str) -> bool:
        """Tell whether a container is there."""

    def queue(self, name: str) -> int | None:
        """Count a queue's messages, about; None: there is no such queue."""

    def datastore(self) -> Datastore:
        """Look at the datastore that jobs read through; raises Missing."""

    def host(self) -> Host:
        """Look at the Function App."""

    def functions(self) -> frozenset[str]:
        """List the functions that Azure has indexed."""

    def system_keys(self) -> frozenset[str]:
        """List the names of the app's system keys, never the keys."""

    def subscription(self, topic: str, name: str) -> Mapping[str, Any]:
        """Look at a subscription of the topic `drops` or `jobs`, as the resource manager tells it."""

    def account(self) -> str:
        """Give the data account's id."""

    def grants(self, principal: str) -> Sequence[Grant]:
        """List the roles that an identity has in this subscription."""
