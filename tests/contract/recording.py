"""What goes over the wire to Azure ML: every request that makes or changes something, with its JSON body."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANGES = {"PUT", "POST", "PATCH", "DELETE"}
KINDS = {
    "job": r"PUT .*/workspaces/[^/]+/jobs/[^/]+",
    "compute": r"PUT .*/computes/[^/]+",
    "model": r"PUT .*/models/[^/]+/versions/[^/]+",
    "endpoint": r"PUT .*/onlineEndpoints/[^/]+",
    "deployment": r"PUT .*/onlineEndpoints/[^/]+/deployments/[^/]+",
    "keys": r"POST .*/onlineEndpoints/[^/]+/listKeys",
    "question": r"POST .*/score/[^/]+",
    "blob": r"(PUT|HEAD) https://[^/]+/devstoreaccount1/.*",
    "secrets": r"POST .*/datastores/[^/]+/listSecrets",
}


@dataclass(frozen=True)
class Sent:
    """One request. kind: what it is about; name: the last part of its path."""

    kind: str
    name: str
    version: str
    body: Any


class Recording(list[Sent]):
    """Requests in the order in which they were sent."""

    def of(self, kind: str) -> list[Sent]:
        return [sent for sent in self if sent.kind == kind]


@contextmanager
def recording() -> Iterator[Recording]:
    """Write down what azure-core's transport sends; the requests go their way."""
    from azure.core.pipeline.transport import RequestsTransport

    sends, found = RequestsTransport.send, Recording()

    def send(self: Any, request: Any, **options: Any) -> Any:
        if request.method in CHANGES:
            found.append(_sent(request))
        return sends(self, request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestsTransport, "send", send)
        yield found


def _sent(request: Any) -> Sent:
    url, _, query = request.url.partition("?")
    line = f"{request.method} {url}"
    kind = next((kind for kind, shape in KINDS.items() if re.fullmatch(shape, line)), line)
    version = re.search(r"api-version=([^&]+)", query)
    body = request.content if hasattr(request, "content") else request.body
    text = body.decode() if isinstance(body, bytes) else body
    is_json = kind != "blob" and isinstance(text, str) and text[:1] in {"{", "["}
    return Sent(
        kind, url.rpartition("/")[2], version[1] if version else "", json.loads(text) if is_json else None
    )
