"""A whole installation as it was found at one moment: what the invariants are about.

`Seen` holds plain values alone, so that a world in memory, an emulator or Azure can be put into it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from shared.domain.lane import Lane
from shared.domain.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from shared.domain.drops import Drop
    from shared.ports import Deployment, Endpoint, Job, ModelVersion

RUNS: msgspec.json.Decoder[Run] = msgspec.json.Decoder(Run)
LANES: msgspec.json.Decoder[Lane] = msgspec.json.Decoder(Lane)
Document = tuple[bytes, "Mapping[str, str]"]


@dataclass(frozen=True)
class Seen:
    """documents: the container `runs`, data and metadata by name; told: ids of the events that the topic has.

    drops: what lies in `datasets` now. settled: everything has come to rest, and the daily pass has been.
    """

    installation: str
    workspace_id: str
    now: datetime
    documents: Mapping[str, Document]
    drops: tuple[Drop, ...] = ()
    jobs: tuple[Job, ...] = ()
    models: tuple[ModelVersion, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    told: frozenset[str] | None = None
    settled: bool = True
    unreadable: Mapping[str, str] = field(default_factory=dict, init=False)
    runs: Mapping[str, Run] = field(default_factory=dict, init=False)
    lanes: Mapping[str, Lane] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Read the documents once; what cannot be read is told by the invariant `ledger-parses`."""
        runs: dict[str, Run] = {}
        lanes: dict[str, Lane] = {}
        unreadable: dict[str, str] = {}
        for name, (data, _metadata) in self.documents.items():
            try:
                if name.startswith("r/"):
                    runs[stem(name)] = RUNS.decode(data)
                elif name.startswith("lanes/"):
                    lanes[stem(name)] = LANES.decode(data)
            except msgspec.MsgspecError as error:
                unreadable[name] = str(error)
        for key, value in {"runs": runs, "lanes": lanes, "unreadable": unreadable}.items():
            object.__setattr__(self, key, value)

    def under(self, prefix: str) -> Iterator[str]:
        """List the documents below a prefix, without it."""
        return (name.removeprefix(prefix) for name in self.documents if name.startswith(prefix))

    def marker(self, run: str) -> Mapping[str, str] | None:
        """Give the metadata of a run's marker; None where it has none."""
        found = self.documents.get(f"active/{run}")
        return None if found is None else found[1]


def stem(name: str) -> str:
    """Give a document's name without folder and ending."""
    return name.rsplit("/", 1)[1].removesuffix(".json")


def repeated(values: Iterable[str]) -> set[str]:
    """Name what stands in `values` more than once."""
    known: set[str] = set()
    twice: set[str] = set()
    for value in values:
        (twice if value in known else known).add(value)
    return twice
