"""What the Event Grid and blob extensions do with a delivery, after their HttpRequestProcessor.

Read in azure-sdk-for-net: sdk/eventgrid/Microsoft.Azure.WebJobs.Extensions.EventGrid.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

log = logging.getLogger("webhooks")


async def process(request: Request, take: Callable[[Mapping[str, Any]], Awaitable[object]]) -> Response:
    """Answer a handshake, or let `take` have each event; 500 where one fails: all come again."""
    kind = request.headers.get("aeg-event-type", "").lower()
    if kind == "unsubscribe":
        return Response(status_code=202)
    if kind not in {"subscriptionvalidation", "notification"}:
        return Response("aeg-event-type is not what Event Grid sends", status_code=400)
    try:
        events = _events(await request.body())
        if kind == "subscriptionvalidation":
            return JSONResponse({"validationResponse": events[0]["data"]["validationCode"]})
    except (ValueError, LookupError, TypeError):
        return Response("expected a JSON array of events", status_code=400)
    results = await asyncio.gather(*map(take, events), return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    for error in failed:
        log.warning("an event failed: %s", type(error).__name__)
    return Response(status_code=500 if failed else 202)


def _events(body: bytes) -> list[dict[str, Any]]:
    found = json.loads(body)
    events: list[Any] = found if isinstance(found, list) else [found]
    if not all(isinstance(event, dict) for event in events):
        raise TypeError(type(found).__name__)
    return events
