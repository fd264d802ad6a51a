"""Endpoints without servers, put straight into the emulator's store: fleets that no laptop could serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.azureml.clock import stamp
from local.azureml.records import Deployment, Endpoint
from local.azureml.state import Store
from tests.local.azureml.rig import WS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from pathlib import Path

SIZE = "Standard_NC24ads_A100_v4"
MODEL = f"{WS}/models/Phi-4-support/versions/1"


@dataclass(frozen=True)
class Thing:
    """A deployment to put there. beats: for how long until now it reports its CPU; asked: ago, by minute."""

    name: str
    tags: Mapping[str, str]
    age: timedelta
    state: str = "Succeeded"
    beats: timedelta | None = None
    asked: tuple[timedelta, ...] = ()
    size: str = SIZE


class Shelf:
    """One emulator's store, written while it runs; close it at the end."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._store, self._now = Store(folder / "state" / "state.db"), now

    def put(
        self,
        name: str,
        tags: Mapping[str, str],
        age: timedelta,
        *things: Thing,
        traffic: Mapping[str, int] | None = None,
    ) -> None:
        at = stamp(self._now - age)
        with self._store.transaction():
            shares = dict(traffic or {})
            body = {"authMode": "Key", "properties": {}, "traffic": shares, "mirrorTraffic": {}}
            resource = {"tags": dict(tags)}
            endpoint = Endpoint(
                name=name, body=body, resource=resource, primary="p", secondary="s", created=at, modified=at
            )
            self._store.put(name, endpoint)
            for thing in things:
                self._put(name, thing)

    def close(self) -> None:
        self._store.close()

    def _put(self, endpoint: str, thing: Thing) -> None:
        at = stamp(self._now - thing.age)
        made = Deployment(
            endpoint=endpoint,
            name=thing.name,
            body={"instanceType": thing.size, "model": MODEL},
            resource={"tags": dict(thing.tags), "sku": {"name": "Default", "capacity": 1}},
            created=at,
            modified=at,
            state=thing.state,
        )
        self._store.put(made.key, made)
        if thing.beats:
            begun = (self._now - thing.beats).timestamp()
            values = (endpoint, thing.name, begun, self._now.timestamp() + 600)
            self._store.execute(
                "INSERT INTO lives(endpoint, deployment, first, last, cpu) VALUES(?,?,?,?,7)", values
            )
        for ago in thing.asked:
            minute = int((self._now - ago).timestamp() // 60)
            self._store.execute("INSERT INTO calls VALUES(?,?,?,200,200,1)", (endpoint, thing.name, minute))
