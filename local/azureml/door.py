"""From a list of ways to an ASGI application: tokens, counts, faults, threads, errors.

Handlers run in threads, so that a slow disk or upload never holds up the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from local.azureml.blobstore import BlobFailure
from local.azureml.errors import AzureError, bad_request, missing, unsupported
from local.azureml.faults import Calls, Fault, Faults
from local.azureml.web import Answer, Call, Way, error_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.requests import Request

    from local.azureml.identity import Issuer
    from local.azureml.settings import Place

METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"]
HTTP_ERROR = 400
LOG = logging.getLogger("azureml")


class Door:
    """Builds the application and keeps its counts and faults."""

    def __init__(self, place: Place, issuer: Issuer) -> None:
        """Start with no faults and nothing counted."""
        self.calls, self.refused = Calls(), Calls()  # an injected fault is no refusal
        self.faults = Faults()
        self._place = place
        self._issuer = issuer

    def application(self, ways: Iterable[Way], extra: Iterable[BaseRoute] = ()) -> Starlette:
        """Return the application with these ways, and a named 501 for whatever else is asked."""
        routes: list[BaseRoute] = [Route(way.path, self._endpoint(way), methods=[way.method]) for way in ways]
        unknown = Route("/{rest:path}", self._unknown, methods=METHODS)
        return Starlette(routes=[*routes, *extra, unknown])

    def _endpoint(self, way: Way) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            call = await _call(request)
            if way.quiet:
                return _response(way.handler(call))
            self.calls.note(way.label)
            return await with_faults(self.faults.take(way.label), lambda: self._guarded(way, call))

        return endpoint

    async def _guarded(self, way: Way, call: Call) -> Response:
        answer = await run_in_threadpool(self._answer, way, call)
        if answer.status >= HTTP_ERROR:
            self.refused.note(way.label)
        return _response(answer)

    def _answer(self, way: Way, call: Call) -> Answer:
        try:
            self._admit(way, call)
            return way.handler(call)
        except AzureError as error:
            return error_answer(error)
        except BlobFailure as failure:
            return error_answer(AzureError(503, "ServiceUnavailable", str(failure)))
        except Exception:
            LOG.exception("%s failed", way.label)
            message = f"The emulator itself failed at {way.label}; its log tells why."
            return error_answer(AzureError(500, "InternalServerError", message))

    def _admit(self, way: Way, call: Call) -> None:
        if not way.open:
            wanted = [way.audience] if way.audience else self._issuer.audiences()
            self._issuer.check(call.headers.get("authorization", ""), wanted)
        if way.path.startswith("/subscriptions/") and "api-version" not in call.query:
            raise bad_request("The api-version query parameter (?api-version=) is required for all requests.")
        for name, kind in (("subscription", "subscription"), ("group", "resource group")):
            self._same_place(call, name, kind)
        self._same_place(call, "workspace", "workspace")

    def _same_place(self, call: Call, name: str, kind: str) -> None:
        if "registry" in call.path or name not in call.path:
            return
        asked, here = call.path[name], str(getattr(self._place, name))
        if asked.lower() != here.lower():
            raise missing(f"{kind} (this emulator has '{here}')", asked, code="ResourceNotFound")

    async def _unknown(self, request: Request) -> Response:
        path = request.url.path
        self.calls.note(f"unknown {request.method} {path}")
        version = request.query_params.get("api-version", "none")
        error = unsupported(f"route {request.method} {path} (api-version {version})")
        return _response(error_answer(error))


async def with_faults(fault: Fault | None, carry_out: Callable[[], Awaitable[Response]]) -> Response:
    """Carry the call out unless `fault` says otherwise."""
    if fault is None:
        return await carry_out()
    await asyncio.sleep(fault.delay)
    if fault.status == 0:
        return await carry_out()
    if fault.after:
        await carry_out()
    response = _response(error_answer(fault.error()))
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response


async def _call(request: Request) -> Call:
    return Call(
        method=request.method,
        url=str(request.url),
        path=dict(request.path_params),
        query=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        content=await request.body(),
    )


def _response(answer: Answer) -> Response:
    request, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    headers = {"x-ms-request-id": request, "x-ms-correlation-request-id": correlation, **answer.headers}
    _correlate(answer, {"operation": correlation, "request": request})
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    if isinstance(answer.body, bytes):
        return Response(answer.body, answer.status, headers)
    if isinstance(answer.body, str):
        return PlainTextResponse(answer.body, answer.status, headers)
    return JSONResponse(answer.body, answer.status, headers)


def _correlate(answer: Answer, ids: dict[str, str]) -> None:
    """Write into an error's envelope what its headers say: support asks for these."""
    error = (
        answer.body.get("error") if isinstance(answer.body, dict) and answer.status >= HTTP_ERROR else None
    )
    if isinstance(error, dict) and isinstance(error.get("additionalInfo"), list):
        error["additionalInfo"].append({"type": "Correlation", "info": {"value": ids}})
