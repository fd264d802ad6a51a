"""Resources of other providers, for whoever asks the same resource manager: what was declared, and no more.

A Function App, event subscriptions and role assignments are not this emulator's business, but a client with
one resource manager asks it for them. It answers what the file of `--neighbours` declares, read at each call:
`{"GET /subscriptions/…": body}`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.azureml.errors import missing
from local.azureml.web import Answer, Way

if TYPE_CHECKING:
    from local.azureml.settings import Settings
    from local.azureml.web import Call

PROVIDERS = ("Microsoft.Web", "Microsoft.EventGrid")
BELOW = "/subscriptions/{subscription}/resourceGroups/{group}/providers"
ROLES = "/subscriptions/{subscription}/providers/Microsoft.Authorization/{rest:path}"


class Neighbours:
    """Declared resources, by method and path, without regard to case."""

    def __init__(self, settings: Settings) -> None:
        """Answer from the settings' file; without one nothing is declared."""
        self._file = settings.neighbours

    def ways(self) -> list[Way]:
        """Return the routes."""
        return [
            Way(method, f"{BELOW}/{provider}/{{rest:path}}", self._declared)
            for provider in PROVIDERS
            for method in ("GET", "POST")
        ] + [Way("GET", ROLES, self._declared)]

    def _declared(self, call: Call) -> Answer:
        known = json.loads(self._file.read_text("utf-8")) if self._file and self._file.exists() else {}
        path = call.url.partition("?")[0].partition("://")[2].partition("/")[2]
        wanted = f"{call.method} /{path}".lower()
        for key, body in known.items():
            if key.lower() == wanted:
                return Answer(body=body)
        raise missing("resource", call.path["rest"], code="ResourceNotFound")
