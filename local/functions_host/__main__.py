"""`python -m local.functions_host`: deliver real triggers to a function app, in this process."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from local.functions_host import decode, index, keys, settings
from local.functions_host.app import Web
from local.functions_host.blobs import BlobDelivery
from local.functions_host.calls import Caller
from local.functions_host.queues import Listener, Rules
from local.functions_host.timers import Timer

if TYPE_CHECKING:
    from collections.abc import Sequence

GRACE_SECONDS = 20.0


def main() -> int:
    """Serve until SIGTERM; then take nothing new and wait 20 s for the calls under way."""
    args = _arguments()
    folder = Path(args.app_dir).resolve()
    settings.read_local_settings(folder)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    logging.getLogger("azure").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        functions = [f for f in index.load(folder) if not settings.disabled(f.name)]
    except index.Refused as refused:
        print(f"functions host: {refused}", file=sys.stderr)
        return 1
    if args.index:
        print(json.dumps([{**_shown(f.binding), "name": f.name, "trigger": f.kind} for f in functions]))
        return 0
    return asyncio.run(_serve(args, folder, functions))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.functions_host", description=__doc__)
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--app-dir", default=".", help="where function_app.py and host.json lie")
    parser.add_argument("--keys", default=".droptune/keys.json", help="the function keys; made where missing")
    parser.add_argument("--queue-lease-seconds", type=int, default=600, help="600 on Azure")
    parser.add_argument("--index", action="store_true", help="print what the app indexes to, and exit")
    return parser.parse_args()


async def _serve(args: argparse.Namespace, folder: Path, functions: Sequence[index.Function]) -> int:
    host = _host_json(folder)
    rules, caller = _rules(host, args.queue_lease_seconds), Caller()
    blobs = {f.name: BlobDelivery(f, caller, rules) for f in functions if f.kind == "blobTrigger"}
    parts: list[Any] = [*blobs.values(), *_queues(functions, caller, rules), *_timers(functions, caller)]
    prefix = host.get("extensions", {}).get("http", {}).get("routePrefix", "api")
    web = Web(functions, blobs, caller, keys.load(Path(args.keys))).application(prefix)
    server = uvicorn.Server(
        uvicorn.Config(web, host="127.0.0.1", port=args.port, log_level="warning", access_log=False)
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # ours come below
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, lambda: setattr(server, "should_exit", True))
    serving = loop.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event for it
        await asyncio.sleep(0.01)
    for part in parts:
        part.start()
    ready = {"ready": True, "url": f"http://127.0.0.1:{args.port}", "functions": [f.name for f in functions]}
    print(json.dumps(ready), flush=True)
    await serving
    for part in parts:
        part.stop()
    return 0 if await loop.run_in_executor(None, caller.wait_idle, GRACE_SECONDS) else 1


def _queues(functions: Sequence[index.Function], caller: Caller, rules: Rules) -> list[Listener]:
    def listener(function: index.Function) -> Listener:
        name = settings.resolve(str(function.binding["queueName"]))
        connection = str(function.binding["connection"])
        return Listener(
            connection, name, lambda m: caller.call(function, decode.message(m)), rules, caller.pool
        )

    return [listener(function) for function in functions if function.kind == "queueTrigger"]


def _timers(functions: Sequence[index.Function], caller: Caller) -> list[Timer]:
    return [Timer(function, caller) for function in functions if function.kind == "timerTrigger"]


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


def _shown(binding: Any) -> dict[str, Any]:  # noqa: ANN401 - a mapping of JSON values
    return {key: value for key, value in binding.items() if isinstance(value, (str, int, bool, list))}


if __name__ == "__main__":
    sys.exit(main())
