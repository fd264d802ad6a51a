"""What Azure ML has and this emulator has not, by name: a 501 that says what is missing, not which route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.azureml.errors import unsupported
from local.azureml.web import WS, Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.azureml.web import Answer, Call

_VERBS = ("GET", "PUT", "POST", "PATCH", "DELETE")
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices"
# Whole families of routes, whatever the call.
_FAMILIES = {
    f"{WS}/schedules": "schedules",
    f"{WS}/batchEndpoints": "batch endpoints and deployments",
    f"/mferp/managementfrontend{WS}/batchEndpoints": "batch endpoints' jobs",
    f"{WS}/serverlessEndpoints": "serverless endpoints",
    f"{WS}/marketplaceSubscriptions": "marketplace subscriptions",
    f"{WS}/connections": "workspace connections",
    f"{WS}/featuresets": "feature sets",
    f"{WS}/featurestoreEntities": "feature store entities",
    f"{WS}/labelingJobs": "labeling jobs",
    f"{WS}/outboundRules": "managed networks",
    f"{WS}/capabilityHosts": "capability hosts",
    f"{_GROUP}/registries": "registries of one's own",
}
_CALLS = [
    ("POST", f"{WS}/computes/{{name}}/{{verb}}", "start, stop, restart and single sign-on of a compute"),
    ("POST", f"{WS}/models/{{name}}/versions/{{version}}/package", "packaging of models"),
    ("POST", f"{WS}/diagnose", "diagnosis of the workspace"),
    ("POST", f"{WS}/listKeys", "keys of the workspace: its storage is reached by identity"),
    ("POST", f"{WS}/resyncKeys", "keys of the workspace: its storage is reached by identity"),
    ("POST", f"{WS}/provisionManagedNetwork", "managed networks"),
    ("DELETE", WS, "deletion of the workspace; stop the emulator and delete its state directory"),
    ("GET", "/subscriptions/{subscription}/resourcegroups/{group}", "making of workspaces: it is one itself"),
]


def ways() -> list[Way]:
    """Return the routes; they come after all that the emulator has."""
    found = [Way(verb, path, _refusal(what)) for verb, path, what in _CALLS]
    for top, what in _FAMILIES.items():
        for path in (top, f"{top}/{{rest:path}}"):
            found += [Way(verb, path, _refusal(what)) for verb in _VERBS]
    return found


def _refusal(what: str) -> Callable[[Call], Answer]:
    def handler(_call: Call) -> Answer:
        raise unsupported(what)

    return handler
