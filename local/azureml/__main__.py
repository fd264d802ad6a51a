"""`python -m local.azureml`: an Azure ML workspace on this machine. See README.md beside this file."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import shlex
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from local.azureml.app import Emulator
from local.azureml.environment import environment
from local.azureml.launch import MODELS, ground
from local.azureml.settings import Limits, Place, Settings
from local.eventgrid import topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.azureml.clock import Clock
    from local.azureml.events import Topic
    from local.azureml.launch import Ground

_TRAINER = (sys.executable, "-m", "local.trainer", "nursery")
_EVENTS = "job-events"


class _Server(uvicorn.Server):
    """A server that leaves signals to us: two of them run in this process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Clients keep idle connections open: closing them on them is how each stop ends, and no error.
    logging.getLogger("uvicorn.error").addFilter(lambda line: "graceful shutdown" not in line.getMessage())
    on = ground(asked)
    try:
        door, identity = _listen(asked.port), _listen(asked.msi_port)
        settings = _settings(asked, on, door, identity)
        emulator = Emulator(settings, _topic)
        try:
            asyncio.run(_serve(emulator, settings, on, [door, identity]))
        finally:
            emulator.close()
    finally:
        on.leave()
    return 0


def _topic(identity: str, clock: Clock) -> Topic:
    return topic.Topic(identity, now=clock.now)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.azureml", description="Azure ML on this machine.")
    add = parser.add_argument
    add("--state", type=Path, help="folder for the state; made if missing")
    add("--in-memory", action="store_true", help="keep nothing: in place of --state")
    add("--cert", type=Path, help="certificate for localhost, PEM; made if not given")
    add("--key", type=Path, help="its key, PEM")
    add("--ca-bundle", type=Path, help="CA certificates to trust when talking to Blob Storage, PEM")
    add(
        "--blob-url", help="Blob Storage: https://127.0.0.1:PORT/devstoreaccount1; else an Azurite is started"
    )
    add("--models", type=Path, default=MODELS, help="folder with the local models `small` and `tiny`")
    add("--foundation", choices=("small", "tiny"), default="small", help="what registry models stand on")
    add("--port", type=int, default=0, help="HTTPS port; 0 takes a free one")
    add("--msi-port", type=int, default=0, help="HTTP port of the token endpoint; 0 takes a free one")
    add("--datastore", action="append", default=[], metavar="NAME=CONTAINER", help="one more datastore")
    add("--compute", action="append", default=[], metavar="NAME=SIZE", help="a cluster that is there")
    add("--subscribe", action="append", default=[], metavar="NAME=URL", help="deliver run events there")
    add("--events-url", help=f"the same as --subscribe {_EVENTS}=URL")
    add("--trainer", help="the nursery's command in place of `python -m local.trainer nursery`")
    add("--neighbours", type=Path, help="a file of what other providers answer, as JSON")
    add("--python", type=Path, help="the Python of commands and scoring scripts; else the emulator's own")
    add("--jobs-at-once", type=int, default=2)
    add("--deploy-limit", type=float, default=600, metavar="SECONDS", help="for a server to answer")
    add("--archived-latest", action="store_true", help="let an archived version be a model's latest")
    add("--quiet-failures", action="store_true", help="raise no events for failed and canceled runs")
    add("--noop", action="store_true", help="add the component `noop` to the registry, for load tests")
    for name in ("subscription", "group", "workspace", "location"):
        add(f"--{name}", default=getattr(Place(), name))
    return parser


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # asyncio sets it for sockets of a named protocol alone; without it each answer's body waits for 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def _settings(
    asked: argparse.Namespace, on: Ground, door: socket.socket, identity: socket.socket
) -> Settings:
    subscriptions = _pairs(asked.subscribe)
    if asked.events_url:
        subscriptions = ((_EVENTS, asked.events_url), *subscriptions)
    return Settings(
        state=on.state,
        in_memory=asked.in_memory,
        python=(asked.python or Path(sys.executable)).absolute(),
        blob_url=on.blob_url,
        models=asked.models.absolute(),
        url=f"https://localhost:{door.getsockname()[1]}",
        msi_url=f"http://127.0.0.1:{identity.getsockname()[1]}/msi/token",
        trainer=tuple(shlex.split(asked.trainer)) if asked.trainer else _TRAINER,
        foundation=asked.foundation,
        ca_bundle=on.bundle,
        neighbours=asked.neighbours,
        place=Place(asked.subscription, asked.group, asked.workspace, asked.location),
        limits=Limits(jobs_at_once=asked.jobs_at_once, server_start=asked.deploy_limit),
        datastores=_pairs(asked.datastore),
        computes=_pairs(asked.compute),
        subscriptions=subscriptions,
        archived_latest=asked.archived_latest,
        noop=asked.noop,
        quiet_failures=asked.quiet_failures,
    )


def _pairs(values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    pairs = [value.partition("=") for value in values]
    for name, equals, right in pairs:
        if not (name and equals and right):
            raise SystemExit(f"'{name}' is not NAME=VALUE")
    return tuple((name, right) for name, _, right in pairs)


async def _serve(emulator: Emulator, settings: Settings, on: Ground, sockets: list[socket.socket]) -> None:
    tls = {"ssl_certfile": str(on.cert), "ssl_keyfile": str(on.key)}
    door = _Server(_config(emulator.application(), **tls))
    identity = _Server(_config(emulator.identity_application()))
    servers = [door, identity]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    tasks = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, listener in zip(servers, sockets, strict=True)
    ]
    # uvicorn tells by a flag, not by an event, that a server has started
    while not all(s.started for s in servers) and not any(t.done() for t in tasks):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    emulator.start()
    await asyncio.to_thread(on.await_storage)
    said = {"ready": True, "url": settings.url, "msi_url": settings.msi_url}
    print(json.dumps({**said, "environment": environment(settings, on.ca)}), flush=True)
    await asyncio.gather(*tasks)
    await emulator.close_connections()


def _config(application: object, **tls: str) -> uvicorn.Config:
    return uvicorn.Config(
        application,  # type: ignore[arg-type]
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        **tls,  # type: ignore[arg-type]
    )


if __name__ == "__main__":
    sys.exit(main())
