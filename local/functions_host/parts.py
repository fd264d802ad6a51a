"""Put a host together from an app's functions and its host.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from local.functions_host import blobs, decode, settings
from local.functions_host.app import Web
from local.functions_host.blobs import BlobDelivery
from local.functions_host.calls import Caller
from local.functions_host.index import Refused
from local.functions_host.queues import Listener, Rules
from local.functions_host.timers import BadSchedule, Timer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.applications import Starlette

    from local.functions_host.index import Function
    from local.functions_host.keys import Keys


class Part(Protocol):
    """What delivers triggers by itself."""

    def start(self) -> None:
        """Begin to deliver."""

    def stop(self) -> None:
        """Take nothing new."""


@dataclass(frozen=True)
class Host:
    """All that serves one app."""

    names: list[str]
    web: Starlette
    caller: Caller
    parts: Sequence[Part]

    def start(self) -> None:
        """Begin to deliver."""
        for part in self.parts:
            part.start()

    def stop(self) -> None:
        """Take nothing new; what is under way goes on."""
        for part in self.parts:
            part.stop()


def assemble(folder: Path, functions: Sequence[Function], lease: int, keys: Keys) -> Host:
    """Build the host of the app in `folder`. lease: seconds a message is invisible. Raises Refused."""
    found = _host_json(folder)
    rules, caller = _rules(found, lease), Caller()
    deliveries: dict[str, BlobDelivery] = {}
    parts: list[Part] = []
    for function in functions:
        try:
            if function.kind == "blobTrigger":
                settings.queue_url(blobs.HOST_STORAGE)
                deliveries[function.name] = BlobDelivery(function, caller, rules)
                parts.append(deliveries[function.name])
            elif function.kind == "queueTrigger":
                parts.append(_listener(function, caller, rules))
            elif function.kind == "timerTrigger":
                parts.append(Timer(function, caller))
        except settings.Unset as key:
            raise Refused(
                f"The function {function.name!r} needs the setting {key}, which is not set."
            ) from key
        except BadSchedule as wrong:
            raise Refused(f"The function {function.name!r}: {wrong}.") from wrong
    prefix = found.get("extensions", {}).get("http", {}).get("routePrefix", "api")
    web = Web(functions, deliveries, caller, keys).application(prefix)
    return Host([function.name for function in functions], web, caller, parts)


def _listener(function: Function, caller: Caller, rules: Rules) -> Listener:
    name = settings.resolve(str(function.binding["queueName"]))
    connection = str(function.binding["connection"])
    settings.queue_url(connection)
    return Listener(connection, name, lambda m: caller.call(function, decode.message(m)), rules, caller.pool)


def _host_json(folder: Path) -> dict[str, Any]:
    path = folder / "host.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def _rules(host: dict[str, Any], lease: int) -> Rules:
    queues = host.get("extensions", {}).get("queues", {})
    hours, minutes, seconds = (float(part) for part in queues.get("visibilityTimeout", "0:0:0").split(":"))
    return Rules(
        visibility_timeout=hours * 3600 + minutes * 60 + seconds,
        max_dequeue_count=queues.get("maxDequeueCount", 5),
        batch_size=queues.get("batchSize", 16),
        new_batch_threshold=queues.get("newBatchThreshold", 8),
        lease=lease,
    )
