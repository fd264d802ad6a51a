"""Sample events as Event Grid sends them, decoded as a function gets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local.functions_host import decode

EVENTS = Path(__file__).parents[1] / "events"


def sample(name: str) -> dict[str, Any]:
    """Read the one event of tests/events/<name>.json."""
    (found,) = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    body: dict[str, Any] = found
    return body


def job_event(name: str, *, topic: object, **data: object) -> Any:
    """Decode a job's sample event from a topic; data: what its data is to hold besides."""
    body = sample(name)
    return decode.event(body | {"topic": topic, "data": body["data"] | data})
