"""An installation's surroundings in memory: all sound, until a test breaks a part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.domain import checkup, needed_roles, subscriptions
from shared.domain.errors import DroptuneError, Missing
from shared.domain.needed_roles import Grant
from shared.ports.surroundings import Datastore, Host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/func-x"
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/stdata"
WORKSPACE = "/subscriptions/s/workspaces/w"
ADDRESS = "func-x.azurewebsites.net"


def made(one: subscriptions.Subscription) -> dict[str, Any]:
    target = {"properties": {"resourceId": f"{APP}/functions/{one.function}"}}
    if one.topic == "drops":
        target = {"properties": {"endpointUrl": subscriptions.webhook(ADDRESS, one.function)}}
    found = subscriptions.body(one, target, ACCOUNT)
    found["properties"]["provisioningState"] = "Succeeded"
    return found


def granted() -> list[Grant]:
    return [
        Grant(need.enough[0], (WORKSPACE if need.of_workspace else ACCOUNT) + need.below)
        for need in needed_roles.NEEDS
    ]


@dataclass
class FakeSurroundings:
    """`shared.ports.surroundings.Surroundings`. refuse: calls by name that end in an error."""

    containers: set[str] = field(default_factory=lambda: {"datasets", "recipes", "runs", "prepared"})
    queues: dict[str, int] = field(default_factory=lambda: {"run-steps": 2})
    store: Datastore | None = field(
        default_factory=lambda: Datastore("droptune_prepared", "stdata", "prepared", "None")
    )
    app: Host = field(default_factory=lambda: Host(APP, ADDRESS, "Running", ("p",)))
    indexed: set[str] = field(default_factory=lambda: set(checkup.FUNCTIONS))
    keys: set[str] = field(default_factory=lambda: set(checkup.KEYS))
    subscribed: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {one.name: made(one) for one in subscriptions.ALL}
    )
    given: list[Grant] = field(default_factory=granted)
    refuse: dict[str, DroptuneError] = field(default_factory=dict)

    def who(self) -> str:
        self._maybe("who")
        return "olga@acme.example"

    def region(self) -> str:
        self._maybe("region")
        return "eastus2"

    def container(self, name: str) -> bool:
        self._maybe("container")
        return name in self.containers

    def queue(self, name: str) -> int | None:
        return self.queues.get(name)

    def datastore(self) -> Datastore:
        if self.store is None:
            raise Missing("azureml-missing", "The datastore droptune_prepared does not exist.")
        return self.store

    def host(self) -> Host:
        self._maybe("host")
        return self.app

    def functions(self) -> frozenset[str]:
        return frozenset(self.indexed)

    def system_keys(self) -> frozenset[str]:
        self._maybe("system_keys")
        return frozenset(self.keys)

    def subscription(self, topic: str, name: str) -> Mapping[str, Any]:
        self._maybe("subscription")
        if name not in self.subscribed:
            raise Missing("azureml-missing", f"The subscription {name} of {topic} does not exist.")
        return self.subscribed[name]

    def account(self) -> str:
        return ACCOUNT

    def grants(self, principal: str) -> Sequence[Grant]:
        self._maybe("grants")
        assert principal == "p"
        return self.given

    def _maybe(self, call: str) -> None:
        if call in self.refuse:
            raise self.refuse[call]
