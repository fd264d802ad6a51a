"""The emulator's memory: frozen records in one SQLite file.

Write-ahead log with full sync: a write that was answered is there after SIGKILL.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

R = TypeVar("R", bound=msgspec.Struct)

_SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS records(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, key TEXT, body BLOB, UNIQUE(kind, key));
CREATE TABLE IF NOT EXISTS metrics(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT, key TEXT, value REAL, step INTEGER, time INTEGER);
CREATE INDEX IF NOT EXISTS metrics_by_run ON metrics(run, key, seq);
CREATE TABLE IF NOT EXISTS facts(run TEXT, kind TEXT, key TEXT, value TEXT, PRIMARY KEY(run, kind, key));
CREATE TABLE IF NOT EXISTS calls(
    endpoint TEXT, deployment TEXT, minute INTEGER, status INTEGER, model_status INTEGER, count INTEGER,
    PRIMARY KEY(endpoint, deployment, minute, status, model_status));
CREATE TABLE IF NOT EXISTS times(endpoint TEXT, deployment TEXT, minute INTEGER, seconds REAL);
CREATE INDEX IF NOT EXISTS times_by_endpoint ON times(endpoint, minute);
CREATE TABLE IF NOT EXISTS lives(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT, deployment TEXT, first REAL, last REAL, cpu REAL);
"""


class Store:
    """Records by type and key, in the order of their making; safe to use from any thread."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the file; only its owner may read it: event URLs carry keys. None keeps nothing."""
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; nothing may be called after it."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside one write: all of it, or on an exception none. Nests."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._db.execute("BEGIN IMMEDIATE")
                yield
                if self._depth == 1:
                    self._db.execute("COMMIT")
            except BaseException:
                if self._depth == 1 and self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def execute(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Run one statement and return its rows; for the tables that hold no records."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def insert_many(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Run one statement for each of `rows`, as one write."""
        with self.transaction():
            self._db.executemany(sql, rows)

    def get(self, kind: type[R], key: str) -> R | None:
        """Return the record, or None."""
        rows = self.execute("SELECT body FROM records WHERE kind=? AND key=?", (kind.__name__, key))
        return _decode(kind, rows[0][0]) if rows else None

    def all(self, kind: type[R], under: str = "") -> list[R]:
        """Return the records whose key starts with `under`, oldest first."""
        return [record for _, record in self.numbered(kind, under)]

    def numbered(self, kind: type[R], under: str = "") -> list[tuple[int, R]]:
        """Return the same with each record's number: it grows, and no other record ever has it."""
        rows = self.execute(
            "SELECT seq, body FROM records WHERE kind=? AND substr(key,1,?)=? ORDER BY seq",
            (kind.__name__, len(under), under),
        )
        return [(int(str(row[0])), _decode(kind, row[1])) for row in rows]

    def count(self, kind: type[msgspec.Struct]) -> int:
        """Return how many records of the kind there are."""
        return int(str(self.execute("SELECT COUNT(*) FROM records WHERE kind=?", (kind.__name__,))[0][0]))

    def keys(self, kind: type[msgspec.Struct]) -> list[str]:
        """Return the keys of the records of this kind, oldest first."""
        rows = self.execute("SELECT key FROM records WHERE kind=? ORDER BY seq", (kind.__name__,))
        return [str(row[0]) for row in rows]

    def put(self, key: str, record: msgspec.Struct) -> None:
        """Write the record; one that exists keeps its place in the order."""
        with self.transaction():
            self.execute(
                "INSERT INTO records(kind, key, body) VALUES(?,?,?) "
                "ON CONFLICT(kind, key) DO UPDATE SET body=excluded.body",
                (type(record).__name__, key, msgspec.json.encode(record)),
            )

    def change(self, kind: type[R], key: str, how: Callable[[R], R]) -> R | None:
        """Put `how(record)` in the record's place and return it; None where there is no record."""
        with self.transaction():
            found = self.get(kind, key)
            if found is None:
                return None
            changed = how(found)
            if changed != found:
                self.put(key, changed)
            return changed

    def delete(self, kind: type[msgspec.Struct], key: str) -> None:
        """Take the record away, if it is there."""
        with self.transaction():
            self.execute("DELETE FROM records WHERE kind=? AND key=?", (kind.__name__, key))


def _decode(kind: type[R], body: object) -> R:
    if not isinstance(body, bytes):
        raise TypeError(f"a {kind.__name__} in the state file is no text")
    return msgspec.json.decode(body, type=kind)
