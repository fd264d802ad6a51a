"""The host's HTTP side: functions under /api, the webhooks of Event Grid and of blob triggers."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.functions_host import decode, webhooks
from local.functions_host.blobs import PREFIX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from local.functions_host.blobs import BlobDelivery
    from local.functions_host.calls import Caller
    from local.functions_host.index import Function
    from local.functions_host.keys import Keys

log = logging.getLogger("http")
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\??\}")  # {id}, {id:int}, {id?}
DEFAULT_METHODS = ("GET", "POST")


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
                path = PARAMETER.sub(r"{\1}", str(function.binding.get("route") or function.name))
                full = "/".join(("", *filter(None, (prefix, path))))
                methods = list(function.binding.get("methods") or DEFAULT_METHODS)
                routes.append(Route(full, self._http(function), methods=methods))
        return Starlette(routes=routes)

    def _http(self, function: Function) -> Callable[[Request], Awaitable[Response]]:
        level = str(function.binding.get("authLevel") or "function").lower()

        async def endpoint(request: Request) -> Response:
            if level != "anonymous" and not self._keys.opens_function(_key(request), level):
                return Response(status_code=401)
            parts = {
                "headers": {key.lower(): value for key, value in request.headers.items()},
                "query": dict(request.query_params),
                "route": {key: str(value) for key, value in request.path_params.items()},
            }
            argument = decode.request(request.method, str(request.url), parts, await request.body())
            try:
                status, headers, body = decode.response(await self._in_pool(function, argument))
            except Exception as error:  # noqa: BLE001 - the caller logged it; the client learns nothing more
                log.warning("function=%s gave no response: %s", function.name, type(error).__name__)
                return Response(status_code=500)
            return Response(body, status, headers)

        return endpoint

    async def _event_webhook(self, request: Request) -> Response:
        function = self._functions.get(request.query_params.get("functionName", ""))
        if function is None or function.kind != "eventGridTrigger":
            return Response(status_code=404)
        if not self._keys.opens_webhook("eventgrid_extension", _key(request)):
            return Response(status_code=401)
        return await webhooks.process(request, lambda event: self._tell(function, event))

    async def _blob_webhook(self, request: Request) -> Response:
        name = request.query_params.get("functionName", "").removeprefix(PREFIX)
        delivery = self._blobs.get(name)
        if delivery is None:
            return Response(status_code=404)
        if not self._keys.opens_webhook("blobs_extension", _key(request)):
            return Response(status_code=401)
        loop = asyncio.get_running_loop()
        return await webhooks.process(
            request, lambda event: loop.run_in_executor(None, delivery.accept, event)
        )

    async def _status(self, _request: Request) -> Response:
        return JSONResponse({"state": "Running", "functions": sorted(self._functions)})

    async def _tell(self, function: Function, event: Mapping[str, Any]) -> None:
        await self._in_pool(function, decode.event(event))

    async def _in_pool(self, function: Function, argument: object) -> Any:  # noqa: ANN401 - what it returns
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._caller.pool, self._caller.call, function, argument)


def _key(request: Request) -> str:
    return request.headers.get("x-functions-key") or request.query_params.get("code", "")
