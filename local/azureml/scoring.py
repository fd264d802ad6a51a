"""The scoring route: who may ask, which deployment answers, and the way to its server and back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.azureml import traffic
from local.azureml.door import with_faults
from local.azureml.errors import AzureError
from local.azureml.identity import AZURE_ML
from local.azureml.lives import Call
from local.azureml.records import Deployment, Endpoint
from local.azureml.times import seconds

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.azureml.door import Door
    from local.azureml.identity import Issuer
    from local.azureml.lives import Lives
    from local.azureml.serving import Servers
    from local.azureml.state import Store

LABEL = "POST /score/{endpoint}"
CHOICE = "azureml-model-deployment"
MODEL_STATUS = "ms-azureml-model-error-statuscode"
_LONGEST = 180.0
_USUAL = 5.0


class Refused(Exception):
    """The request does not reach a model; clients read `message` of the JSON body."""

    def __init__(self, status: int, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.status = status
        self.message = message


class Scoring:
    """Proxies scoring requests. An answer other than 200 of the model becomes a 424, as on Azure."""

    def __init__(self, store: Store, servers: Servers, lives: Lives, issuer: Issuer, door: Door) -> None:
        """Look endpoints up in `store` and their servers in `servers`."""
        self._store = store
        self._servers = servers
        self._lives = lives
        self._issuer = issuer
        self._door = door
        self._http = httpx.AsyncClient(trust_env=False)
        self._copies: set[asyncio.Task[Response]] = set()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/score/{endpoint}", self._endpoint, methods=["POST"])]

    async def _endpoint(self, request: Request) -> Response:
        self._door.calls.note(LABEL)
        return await with_faults(self._door.faults.take(LABEL), lambda: self._score(request))

    async def _score(self, request: Request) -> Response:
        name, headers = request.path_params["endpoint"], request.headers
        try:
            deployment = await run_in_threadpool(
                self._admit, name, headers.get("authorization", ""), headers.get(CHOICE)
            )
        except Refused as refused:
            return JSONResponse({"message": refused.message}, refused.status)
        content = await request.body()
        if headers.get(CHOICE) is None:
            await self._mirror(name, content)
        response = await self._answered(deployment, content)
        response.headers[CHOICE] = deployment.name
        return response

    async def _answered(self, deployment: Deployment, content: bytes) -> Response:
        begun = time.monotonic()
        response, model_status = await self._forward(deployment, content)
        took = time.monotonic() - begun
        call = Call(deployment.endpoint, deployment.name, response.status_code, model_status, took)
        await run_in_threadpool(self._lives.note_call, call)
        return response

    async def _mirror(self, name: str, content: bytes) -> None:
        """Send a copy of a live request to the deployment that is mirrored to; nobody waits for it."""
        copy = await run_in_threadpool(self._mirrored, name)
        if copy:
            task = asyncio.create_task(self._answered(copy, content))
            self._copies.add(task)
            task.add_done_callback(self._copies.discard)

    def _mirrored(self, name: str) -> Deployment | None:
        endpoint = self._store.get(Endpoint, name)
        chosen = traffic.mirrored(endpoint.body["mirrorTraffic"]) if endpoint else None
        return self._store.get(Deployment, f"{name}/{chosen}") if chosen else None

    def _admit(self, name: str, authorization: str, choice: str | None) -> Deployment:
        endpoint = self._store.get(Endpoint, name)
        if endpoint is None or endpoint.state == "Deleting":
            raise Refused(404, f"There is no endpoint '{name}'.")
        self._check_key(endpoint, authorization)
        chosen = choice or traffic.chosen(endpoint.body["traffic"])
        if chosen is None:
            raise Refused(404, f"No deployment of endpoint '{name}' has traffic.")
        deployment = self._store.get(Deployment, f"{name}/{chosen}")
        if deployment is None:
            raise Refused(404, f"Endpoint '{name}' has no deployment '{chosen}'.")
        return deployment

    def _check_key(self, endpoint: Endpoint, authorization: str) -> None:
        token = authorization.partition(" ")[2]
        mode = endpoint.body["authMode"]
        if mode == "Key" and token in (endpoint.primary, endpoint.secondary):
            return
        audience = {"AADToken": AZURE_ML, "AMLToken": f"{AZURE_ML}/{endpoint.name}"}.get(mode)
        try:
            if audience:
                self._issuer.check(authorization, [audience])
                return
        except AzureError as error:
            raise Refused(401, error.message) from error
        raise Refused(401, f"Endpoint '{endpoint.name}' takes one of its keys as a bearer token.")

    async def _forward(self, deployment: Deployment, content: bytes) -> tuple[Response, int]:
        """Return the answer for the caller, and the model's own status; 0 when it gave none."""
        address = self._servers.address(deployment.key)
        if address is None:
            text = f"Deployment '{deployment.name}' is {deployment.state} and has no server that answers now."
            return PlainTextResponse(text, 503), 0
        limit = _seconds(deployment.body)
        try:
            answer = await self._http.post(
                f"{address}/score",
                content=content,
                headers={"Content-Type": "application/json"},
                timeout=limit,
            )
        except httpx.TimeoutException:
            return PlainTextResponse(f"The model did not answer within {limit:g} s.", 408), 0
        except httpx.TransportError as error:
            return PlainTextResponse(f"The connection to the model broke: {error}", 503), 0
        kind = answer.headers.get("content-type", "application/json")
        if answer.status_code == httpx.codes.OK:
            return Response(answer.content, 200, media_type=kind), 200
        headers = {MODEL_STATUS: str(answer.status_code)}
        return Response(answer.content, 424, headers, kind), answer.status_code


def _seconds(body: dict[str, object]) -> float:
    settings = body.get("requestSettings")
    text = settings.get("requestTimeout") if isinstance(settings, dict) else None
    found = seconds(str(text)) if text else None
    return min(_LONGEST, found) if found else _USUAL
