"""The ledger: runs and lanes as documents, written only over the version that was read.

r/<run>.json        the document
active/<run>        its marker, due time in the metadata: never later than the document's own `due`
outbox/run/<run>+N  a marker while the Nth change of its state is not told yet
by-day/<recipe>/…   an index for pages, newest first; written before the document, mended each day
lanes/<recipe>.json what the runs of one recipe share
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from shared.domain import lane as lanes
from shared.domain import run as runs
from shared.domain.errors import AlreadyThere, Changed, Misconfigured, Missing
from shared.domain.lane import Lane
from shared.domain.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.ports import Documents

log = logging.getLogger(__name__)
DAY = timedelta(days=1)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
Document = TypeVar("Document", Run, Lane)


@dataclass(frozen=True)
class Held:
    """A run as it was read, and the version to write over."""

    run: Run
    etag: str


@dataclass(frozen=True)
class HeldLane:
    """A lane as it was read; etag None: it has no document yet."""

    lane: Lane
    etag: str | None


@dataclass(frozen=True)
class Listed:
    """What the ledger lists: the names of all runs, of those with a marker, and the entries of the index."""

    runs: list[str]
    marked: frozenset[str]
    pages: frozenset[str]


class Unreadable(Misconfigured):
    """One document cannot be read by this code: a newer Droptune wrote it, or it is damaged. It is left."""


class _Head(msgspec.Struct):
    version: int


# msgspec learns a type at its first use, and two threads that teach it the same one at once crash the
# process (seen with 0.22: SIGSEGV). An import is made by one thread alone.
HEADS: msgspec.json.Decoder[_Head] = msgspec.json.Decoder(_Head)
RUNS: msgspec.json.Decoder[Run] = msgspec.json.Decoder(Run)
LANES: msgspec.json.Decoder[Lane] = msgspec.json.Decoder(Lane)


class Ledger:
    """Runs and lanes in a container of documents."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def load(self, name: str) -> Held:
        """Read a run; raises Missing or Unreadable."""
        stored = self._documents.read(_path(name))
        return Held(_decode(_path(name), stored.data, RUNS, runs.VERSION), stored.etag)

    def readable(self, names: Iterable[str]) -> Iterator[Run]:
        """Read these runs one by one; what is missing is left out, and what cannot be read is logged."""
        for name in names:
            try:
                yield self.load(name).run
            except Missing:
                continue
            except Unreadable as error:
                log.error("run %s: %s", name, error.problem.message)  # noqa: TRY400 - the words say it all

    def create(self, run: Run) -> Held:
        """Write a new run, marker and index first: no crash can leave one that nobody looks at, or finds.

        Raises AlreadyThere.
        """
        self._mark(run)
        self._documents.put(untold(run.name, len(run.history)), b"")
        self._documents.put(_page(run), b"")
        return Held(run, self._documents.create(_path(run.name), msgspec.json.encode(run)))

    def save(self, held: Held, run: Run) -> Held:
        """Write the run over the version held; raises Changed where somebody was quicker."""
        earlier = not run.ended and (held.run.ended or held.run.due is None or _due(run) < _due(held.run))
        if earlier:
            self._mark(run)
        if len(run.history) > len(held.run.history):
            self._documents.put(untold(run.name, len(run.history)), b"")
        etag = self._documents.replace(_path(run.name), msgspec.json.encode(run), held.etag)
        if run.ended:
            self._documents.delete(_marker(run.name))
        elif not earlier and run.due != held.run.due:
            self._mark(run)
        return Held(run, etag)

    def state(self, name: str) -> runs.State | None:
        """Tell the state of a run; None where it has no document, or one that nobody could go on with."""
        return next((run.state for run in self.readable([name])), None)

    def runs(self, beginning: str = "") -> Iterator[str]:
        """List the names of all runs, or of those with this beginning."""
        for entry in self._documents.names(f"r/{beginning}"):
            yield entry.name.removeprefix("r/").removesuffix(".json")

    def newest(self, limit: int) -> list[Run]:
        """Read the newest runs of all recipes, newest first."""
        return list(islice(self.readable(self.newest_names()), limit))

    def newest_names(self) -> Iterator[str]:
        """Name the runs of all recipes, newest first; one may be without its document yet."""
        stems = (entry.name.rsplit("/", 1)[1] for entry in self._documents.names("by-day/"))
        yield from (stem.split("-", 1)[1] for stem in sorted(stems))

    def of_recipe(self, recipe: str) -> Iterator[Run]:
        """Read a recipe's runs one by one, newest drop first; what was forgotten meanwhile is left out."""
        entries = self._documents.names(_pages(recipe))
        yield from self.readable(entry.name.rsplit("/", 1)[1].split("-", 1)[1] for entry in entries)

    def overdue(self, before: datetime) -> Iterator[str]:
        """List the runs whose marker was due before a time."""
        for entry in self._documents.names("active/"):
            if datetime.fromisoformat(entry.metadata.get("due", LATEST.isoformat())) <= before:
                yield entry.name.removeprefix("active/")

    def listed(self, now: datetime) -> Listed:
        """List what there is; a marker without a document goes after a day: it may be about to be written."""
        entries = list(self._documents.names("active/"))
        for entry in entries:
            if now - entry.modified > DAY and self._is_missing(entry.name.removeprefix("active/")):
                self._documents.delete(entry.name)
        marked = frozenset(entry.name.removeprefix("active/") for entry in entries)
        pages = frozenset(entry.name for entry in self._documents.names("by-day/"))
        return Listed(sorted(marked.union(self.runs())), marked, pages)

    def mend(self, run: Run, listed: Listed) -> int:
        """Write its marker or index entry where one is missing, take an ended run's marker; count."""
        mended = 0
        if run.ended == (run.name in listed.marked):
            self._documents.delete(_marker(run.name)) if run.ended else self._mark(run)
            mended += 1
        if _page(run) not in listed.pages:
            self._documents.put(_page(run), b"")
            mended += 1
        return mended

    def _is_missing(self, name: str) -> bool:
        try:
            self._documents.read(_path(name))
        except Missing:
            return True
        return False

    def lane(self, recipe: str) -> HeldLane:
        """Read a recipe's lane; an empty one where there is none yet."""
        path = f"lanes/{recipe}.json"
        try:
            stored = self._documents.read(path)
        except Missing:
            return HeldLane(Lane(recipe=recipe), None)
        return HeldLane(_decode(path, stored.data, LANES, lanes.VERSION), stored.etag)

    def save_lane(self, held: HeldLane, lane: Lane) -> HeldLane:
        """Write the lane over the version held; raises Changed where somebody was quicker."""
        path, data = f"lanes/{lane.recipe}.json", msgspec.json.encode(lane)
        if held.etag is not None:
            return HeldLane(lane, self._documents.replace(path, data, held.etag))
        try:
            return HeldLane(lane, self._documents.create(path, data))
        except AlreadyThere as raced:
            raise Changed("lane-changed", f"The lane of {lane.recipe} was made by another run.") from raced

    def _mark(self, run: Run) -> None:
        self._documents.put(_marker(run.name), b"", {"due": _due(run).isoformat()})


def _decode(path: str, data: bytes, kind: msgspec.json.Decoder[Document], known: int) -> Document:
    try:
        version = HEADS.decode(data).version
        if version <= known:
            return replace(kind.decode(data), version=known)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(
            "ledger-unreadable",
            f"The document {path} in the ledger is damaged: {error}.",
            "Bring back the version before: docs/runbook.md, A document in the ledger cannot be read",
        ) from error
    raise Unreadable(
        "ledger-newer",
        f"The document {path} in the ledger has version {version}; this code reads up to {known}.",
        "Deploy the newer Droptune again: azd deploy",
    )


def _due(run: Run) -> datetime:
    return run.due or LATEST


def _path(name: str) -> str:
    return f"r/{name}.json"


def _marker(name: str) -> str:
    return f"active/{name}"


def _page(run: Run) -> str:
    return f"{_pages(run.recipe_name)}{inverted(run.drop.modified)}-{run.name}"


def _pages(recipe: str) -> str:
    """Name the folder of a recipe's index; a drop outside every recipe's folder has a recipe of no name."""
    return f"by-day/{recipe or 'unknown'}/"


def untold(name: str, count: int) -> str:
    """Name the marker of a run's change. Each has its own: whoever tells one takes no other's away."""
    return f"outbox/run/{name}+{count}"


def inverted(at: datetime) -> str:
    """Count milliseconds down, so that a listing by name begins with the newest."""
    return f"{int((LATEST - at).total_seconds() * 1000):015d}"
