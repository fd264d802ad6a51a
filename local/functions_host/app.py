"""The host's HTTP side: functions under /api, the webhooks of Event Grid and of blob triggers."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.functions_host import decode
from local.functions_host.blobs import PREFIX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from local.functions_host.blobs import BlobDelivery
    from local.functions_host.calls import Caller
    from local.functions_host.index import Function
    from local.functions_host.keys import Keys

VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


class Web:
    """Everything that is called over HTTP."""

    def __init__(
        self, functions: Sequence[Function], blobs: Mapping[str, BlobDelivery], caller: Caller, keys: Keys
    ) -> None:
        self._functions = {function.name: function for function in functions}
        self._blobs, self._caller, self._keys = blobs, caller, keys

    def application(self, prefix: str) -> Starlette:
        """Build the routes. prefix: host.json's routePrefix."""
        routes = [
            Route("/runtime/webhooks/blobs", self._blob_webhook, methods=["POST"]),
            Route("/runtime/webhooks/EventGrid", self._event_webhook, methods=["POST"]),
            Route("/admin/host/status", self._status, methods=["GET"]),
        ]
        for function in self._functions.values():
            if function.kind == "httpTrigger":
                path = re.sub(
                    r"\{(\w+)(?::\w+)?\??\}", r"{\1}", str(function.binding.get("route") or function.name)
                )
                methods = [
                    str(getattr(m, "value", m)) for m in function.binding.get("methods") or ("GET", "POST")
                ]
                full = "/".join(part for part in ("", prefix, path) if part or part == "")
                routes.append(Route(full, self._http(function), methods=methods))
        return Starlette(routes=routes)

    def _http(self, function: Function) -> Callable[[Request], Awaitable[Response]]:
        level = str(
            getattr(function.binding.get("authLevel"), "value", function.binding.get("authLevel"))
        ).lower()

        async def endpoint(request: Request) -> Response:
            if level != "anonymous" and not self._keys.opens_function(_key(request)):
                return Response(status_code=401)
            parts = {
                "headers": {key.lower(): value for key, value in request.headers.items()},
                "query": dict(request.query_params),
                "route": {key: str(value) for key, value in request.path_params.items()},
            }
            argument = decode.request(request.method, str(request.url), parts, await request.body())
            try:
                returned = await self._in_pool(function, argument)
            except Exception:  # noqa: BLE001 - it is logged by the caller; the client learns nothing more
                return Response(status_code=500)
            status, headers, body = decode.response(returned)
            return Response(body, status, headers)

        return endpoint

    async def _event_webhook(self, request: Request) -> Response:
        function = self._functions.get(request.query_params.get("functionName", ""))
        if function is None or function.kind != "eventGridTrigger":
            return Response(status_code=404)
        if not self._keys.opens_webhook("eventgrid_extension", _key(request)):
            return Response(status_code=401)
        events = _events(await request.json())
        handshake = _handshake(request, events)
        if handshake is not None:
            return handshake
        calls = [self._in_pool(function, decode.event(event)) for event in events]
        failed = [
            r for r in await asyncio.gather(*calls, return_exceptions=True) if isinstance(r, BaseException)
        ]
        return Response(status_code=500 if failed else 202)

    async def _blob_webhook(self, request: Request) -> Response:
        name = request.query_params.get("functionName", "").removeprefix(PREFIX)
        delivery = self._blobs.get(name)
        if delivery is None:
            return Response(status_code=404)
        if not self._keys.opens_webhook("blobs_extension", _key(request)):
            return Response(status_code=401)
        events = _events(await request.json())
        handshake = _handshake(request, events)
        if handshake is not None:
            return handshake
        for event in events:
            await asyncio.get_running_loop().run_in_executor(None, delivery.accept, event)
        return Response(status_code=202)

    async def _status(self, _request: Request) -> Response:
        return JSONResponse({"state": "Running", "functions": sorted(self._functions)})

    async def _in_pool(self, function: Function, argument: object) -> Any:  # noqa: ANN401 - what it returns
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._caller.pool, self._caller.call, function, argument)


def _key(request: Request) -> str:
    return request.headers.get("x-functions-key") or request.query_params.get("code", "")


def _events(body: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    return body if isinstance(body, list) else [body]


def _handshake(request: Request, events: Sequence[Mapping[str, Any]]) -> Response | None:
    kind = request.headers.get("aeg-event-type", "").lower()
    if kind == "subscriptionvalidation" or any(event.get("eventType") == VALIDATION for event in events):
        return JSONResponse({"validationResponse": events[0]["data"]["validationCode"]})
    return None
