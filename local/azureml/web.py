"""A route, the call that reaches it, and the answer that leaves: all that handlers know of HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from local.azureml.errors import AzureError, bad_request
from local.azureml.settings import PROVIDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]
R = TypeVar("R")

PAGE = 100
WS = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}/workspaces/{{workspace}}"
REGION = f"/subscriptions/{{subscription}}/providers/{PROVIDER}/locations/{{location}}"
REGISTRY = (
    "/mferp/managementfrontend/subscriptions/{subscription}/resourceGroups/{group}/providers/"
    f"{PROVIDER}/registries/{{registry}}"
)


@dataclass(frozen=True)
class Call:
    """One request: names out of the path, the query, headers in lower case, and the body's bytes."""

    method: str
    url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes = b""

    def json(self) -> Json:
        """Return the body as an object.

        Raises:
            AzureError: 400, when it is none.

        """
        try:
            body = json.loads(self.content)
        except ValueError as error:
            raise bad_request(f"The request body is no JSON: {error}.") from error
        if not isinstance(body, dict):
            raise bad_request(f"The request body must be a JSON object; found {type(body).__name__}.")
        return body


@dataclass(frozen=True)
class Answer:
    """What goes back: objects and lists become JSON, text and bytes go as they are, None is empty."""

    status: int = 200
    body: Json | list[Any] | str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """A route. `open` ways need no bearer token, `quiet` ones are neither counted nor made to fail.

    audience: whom a token must be for, by default the management plane.
    """

    method: str
    path: str
    handler: Callable[[Call], Answer]
    open: bool = False
    quiet: bool = False
    audience: str = ""

    @property
    def label(self) -> str:
        """The route's short name, as counts and faults know it: `PUT {ws}/jobs/{name}`."""
        path = self.path.replace(WS, "{ws}").replace(REGISTRY, "{registry}").replace(REGION, "{region}")
        return f"{self.method} {path.replace(':path', '')}"


def error_answer(error: AzureError) -> Answer:
    """Return the answer in Azure's error envelope."""
    return Answer(error.status, error.envelope())


def page(values: list[Json]) -> Answer:
    """Return a list as Azure does, whole: no next link."""
    return Answer(body={"value": values})


def paged(call: Call, found: list[tuple[int, R]], show: Callable[[R], Json]) -> Answer:
    """Return the page of `found` that the call asks for, and the link to the next.

    found: records with their number in the order of their making, either way round. The link names the last
    number shown, so that what is made or deleted meanwhile neither doubles an entry nor hides one.
    """
    backward = len(found) > 1 and found[0][0] > found[-1][0]
    after = call.query.get("$skipToken", "")
    if after.lstrip("-").isdigit():
        found = [one for one in found if (one[0] < int(after) if backward else one[0] > int(after))]
    top = call.query.get("$top") or call.query.get("count") or ""
    most = min(int(top), PAGE) if top.isdigit() and int(top) else PAGE
    body: Json = {"value": [show(record) for _, record in found[:most]]}
    if len(found) > most and not top:
        body["nextLink"] = _next(call, found[most - 1][0])
    return Answer(body=body)


def _next(call: Call, last: int) -> str:
    asked = {**call.query, "$skipToken": str(last)}
    return f"{call.url.partition('?')[0]}?{urlencode(asked)}"
