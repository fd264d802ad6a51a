"""What was made with the installation, as storage and the resource manager tell it. Nothing is changed."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.adapters.azureml.errors import mapped
from shared.adapters.azureml.place import Request
from shared.adapters.storage.errors import READER
from shared.domain.errors import Misconfigured, Missing
from shared.domain.needed_roles import Grant
from shared.ports.surroundings import Datastore, Host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.adapters.azureml import AzureMLPlace
    from shared.adapters.storage import StoragePlace

WEB, EVENTS, ROLES, DATASTORES = "2024-04-01", "2025-02-15", "2022-04-01", "2024-10-01"
SEES = "Reader"


@dataclass(frozen=True)
class Told:
    """The ids that settings tell: of the Function App and the two topics; empty: not told."""

    app: str
    drops_topic: str
    jobs_topic: str


class AzureSurroundings:
    """`shared.ports.Surroundings` over one account and one workspace."""

    def __init__(self, account: StoragePlace, workspace: AzureMLPlace, told: Told) -> None:
        self._account, self._workspace, self._told = account, workspace, told

    def who(self) -> str:
        """Read the identity out of a token for the resource manager."""
        scope = self._workspace.arm_url.rstrip("/") + "/.default"
        with mapped("a token for Azure's resource manager", SEES):
            return _named(str(self._workspace.credential().get_token(scope).token))

    def region(self) -> str:
        """Look at the workspace."""
        return str(self._workspace.about()["location"])

    def container(self, name: str) -> bool:
        """Look at a container's properties."""
        found = self._account.container(name)
        try:
            with self._account.call(f"the container {name}", READER):
                found.client.get_container_properties()
        except (Missing, Misconfigured) as gone:
            if gone.problem.code not in {"storage-missing", "storage-incomplete"}:
                raise
            return False
        return True

    def queue(self, name: str) -> int | None:
        """Look at a queue's properties."""
        try:
            with self._account.call(f"the queue {name}", "Storage Queue Data Reader"):
                return int(self._account.queue(name).get_queue_properties().approximate_message_count or 0)
        except (Missing, Misconfigured) as gone:
            if gone.problem.code not in {"storage-missing", "storage-incomplete"}:
                raise
            return None

    def datastore(self) -> Datastore:
        """Look at the datastore; raises Missing."""
        name = self._workspace.datastore
        path = f"{self._workspace.id}/datastores/{quote(name, safe='')}"
        found = self._get(path, DATASTORES, f"the datastore {name}")["properties"]
        kind = str((found.get("credentials") or {}).get("credentialsType") or "")
        return Datastore(name, str(found.get("accountName")), str(found.get("containerName")), kind)

    def host(self) -> Host:
        """Look at the Function App."""
        found = self._get(self._app(), WEB, "the Function App")
        properties = found["properties"]
        assigned = ((found.get("identity") or {}).get("userAssignedIdentities") or {}).values()
        principals = tuple(str(one["principalId"]) for one in assigned if one.get("principalId"))
        return Host(
            self._app(), str(properties.get("defaultHostName")), str(properties.get("state")), principals
        )

    def functions(self) -> frozenset[str]:
        """List the functions that Azure has indexed."""
        found = self._get(f"{self._app()}/functions", WEB, "the functions").get("value") or ()
        return frozenset(str(one["name"]).rpartition("/")[2] for one in found)

    def system_keys(self) -> frozenset[str]:
        """List the names of the system keys; their values are dropped here."""
        asked = Request("POST", f"{self._app()}/host/default/listKeys", WEB)
        found = self._workspace.call(asked, "the Function App's keys", "Website Contributor")
        return frozenset(found.get("systemKeys") or {})

    def subscription(self, topic: str, name: str) -> Mapping[str, Any]:
        """Look at one; raises Missing, with the code `not-told` where no setting names the topic."""
        path = f"{self._topic(topic)}/eventSubscriptions/{quote(name, safe='')}"
        return self._get(path, EVENTS, f"the subscription {name}")

    def account(self) -> str:
        """Give the id of the account that the topic of drops tells of."""
        return str(self._get(self._topic("drops"), EVENTS, "the topic of drops")["properties"]["source"])

    def grants(self, principal: str) -> Sequence[Grant]:
        """List what is assigned to an identity, here and below; pages included."""
        where = f"/subscriptions/{self._workspace.subscription}/providers/Microsoft.Authorization"
        chosen = quote(f"assignedTo('{principal}')", safe="")
        asked: Request | None = Request(
            "GET", f"{where}/roleAssignments?$filter={chosen}&api-version={ROLES}"
        )
        found: list[Grant] = []
        while asked:
            page = self._workspace.call(asked, "the app's roles", SEES)
            for one in page.get("value") or ():
                properties = one["properties"]
                role = str(properties["roleDefinitionId"]).rpartition("/")[2]
                found.append(Grant(role, str(properties["scope"])))
            asked = Request("GET", page["nextLink"]) if page.get("nextLink") else None
        return found

    def _get(self, path: str, version: str, what: str) -> dict[str, Any]:
        return self._workspace.call(Request("GET", path, version), what, SEES)

    def _app(self) -> str:
        return _known(self._told.app, "DROPTUNE_APP_ID")

    def _topic(self, topic: str) -> str:
        if topic == "drops":
            return _known(self._told.drops_topic, "DROPTUNE_DROPS_TOPIC_ID")
        return _known(self._told.jobs_topic, "DROPTUNE_JOBS_TOPIC_ID")


def _known(found: str, key: str) -> str:
    if not found:
        raise Missing("not-told", f"{key} is not set.", "See docs/settings.md")
    return found


def _named(token: str) -> str:
    """Read the name out of a token's claims, for people to recognise; nothing is decided by it."""
    part = token.split(".")[1] if token.count(".") == 2 else ""  # noqa: PLR2004 - header, claims, signature
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return "somebody"
    return str(
        claims.get("upn") or claims.get("appid") or claims.get("oid") or claims.get("sub") or "somebody"
    )
