"""What `infra/` makes beside storage and workspace, declared for this stack: app, topics, subscriptions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.domain import checkup, subscriptions
from shared.domain.needed_roles import NEEDS

if TYPE_CHECKING:
    from pathlib import Path

    from shared.domain.needed_roles import Need

IDENTITY = "00000000-0000-0000-0000-0000000000bb"  # as the token endpoint names it
ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments"
DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions"
TOPICS = {"drops": subscriptions.DROPS, "jobs": subscriptions.JOBS}


def ids(group: str) -> dict[str, str]:
    """Give the ids by the settings that tell them. group: the resource group's id."""
    below = f"{group}/providers"
    return {
        "DROPTUNE_APP_ID": f"{below}/Microsoft.Web/sites/func-local",
        "DROPTUNE_DROPS_TOPIC_ID": f"{below}/Microsoft.EventGrid/systemTopics/drops",
        "DROPTUNE_JOBS_TOPIC_ID": f"{below}/Microsoft.EventGrid/systemTopics/jobs",
    }


def declare(file: Path, group: str, host_url: str, account: str, workspace: str) -> None:
    """Write down what the stack starts, where its events go, and the roles that `infra/` would give.

    group, account, workspace: their ids.
    """
    known, host = ids(group), urlsplit(host_url).netloc
    app = known["DROPTUNE_APP_ID"]
    found: dict[str, Any] = {
        f"GET {app}": {
            "id": app,
            "identity": {"userAssignedIdentities": {"id-app": {"principalId": IDENTITY}}},
            "properties": {"defaultHostName": host, "state": "Running"},
        },
        f"GET {app}/functions": {
            "value": [{"name": f"func-local/{name}"} for name in sorted(checkup.FUNCTIONS)]
        },
        f"POST {app}/host/default/listKeys": {"systemKeys": dict.fromkeys(sorted(checkup.KEYS), "")},
    }
    ways: dict[str, Any] = {
        "drops": {
            "endpointType": "WebHook",
            "properties": {"endpointBaseUrl": f"http://{host}/runtime/webhooks/blobs"},
        },
        "jobs": {
            "endpointType": "AzureFunction",
            "properties": {"resourceId": f"{app}/functions/{subscriptions.JOBS.function}"},
        },
    }
    for topic, one in TOPICS.items():
        place = known[f"DROPTUNE_{topic.upper()}_TOPIC_ID"]
        body = subscriptions.body(one, ways[topic], account)
        body["properties"]["provisioningState"] = "Succeeded"
        found[f"GET {place}"] = {"properties": {"source": account}}
        found[f"GET {place}/eventSubscriptions/{one.name}"] = body
    found[f"GET {group.partition('/resourceGroups/')[0]}{ASSIGNMENTS}"] = {
        "value": [_assigned(need, account, workspace) for need in NEEDS]
    }
    file.write_text(json.dumps(found, indent=1), "utf-8")


def _assigned(need: Need, account: str, workspace: str) -> dict[str, Any]:
    scope = (workspace if need.of_workspace else account) + need.below
    role = f"{DEFINITIONS}/{need.enough[0]}"
    return {"properties": {"roleDefinitionId": role, "principalId": IDENTITY, "scope": scope}}
