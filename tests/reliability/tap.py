"""A tap on every outside call of a process: it counts them, and lets one or many of them fail.

`tapped(world, tap)` is the same world through it. After `Killed` no call gets out any more until `revive`:
what a dying process still tries in its `finally` counts for nothing.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shared.domain.errors import DroptuneError
from tests.reliability.kinds import STREAMS, WRITERS, Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta

    from shared.ports import World
from tests.reliability.kinds import Kind

PORTS = {
    **{name: name for name in ("drops", "recipes", "prepared", "steps", "jobs", "models", "computes")},
    **{name: name for name in ("endpoints", "monitor", "prices", "topic", "people")},
    "ledger": "documents",
}


@dataclass(frozen=True)
class Fault:
    """The kind strikes at call number `point`; lasts: for how long all calls of that name fail from then on.

    lasts None: that one call alone.
    """

    point: int
    kind: Kind
    lasts: timedelta | None = None


class Tap:
    """Counts calls in their order. let: moves the clock by seconds, for calls that take their time."""

    def __init__(
        self, fault: Fault | None, now: Callable[[], datetime], let: Callable[[float], None]
    ) -> None:
        self.fault, self._now, self._let = fault, now, let
        self._lock = threading.Lock()
        self._dead = False
        self._healed = False
        self._since: datetime | None = None
        self.calls: list[str] = []
        self.struck = 0
        self.listen: Callable[[str], None] = lambda _call: None
        self.meanwhile: Callable[[Kind], None] = lambda _kind: None

    @property
    def struck_call(self) -> str | None:
        """Name the call at the fault's point; None where it has not been reached."""
        point = self.fault.point if self.fault else len(self.calls)
        return self.calls[point] if point < len(self.calls) else None

    @property
    def since(self) -> datetime | None:
        """When the fault struck first."""
        return self._since

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._healed = True

    def revive(self) -> None:
        """Begin a new process."""
        self._dead = False

    def plain(self, call: str, method: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """Make one call, or fail."""
        kind = self._enter(call)
        self._strike(kind, call, "before")
        try:
            found = method(*args, **more)
        except DroptuneError:
            self._strike(kind, call, "after")  # that it is missing, too, is an answer that can be lost
            raise
        self._strike(kind, call, "after")
        return found

    def stream(self, call: str, method: Callable[..., Any], *args: Any, **more: Any) -> Iterator[Any]:
        """Make a call that gives piece after piece; one that is cut gives half of the first."""
        kind = self._enter(call)
        self._strike(kind, call, "before")
        for place, piece in enumerate(method(*args, **more)):
            if place == 0 and kind is not None and kind.when == "middle":
                if isinstance(piece, bytes):
                    yield piece[: len(piece) // 2]
                self._strike(kind, call, "middle")
            self._alive()
            yield piece
        self._strike(kind, call, "middle")
        self._strike(kind, call, "after")

    @contextmanager
    def writer(self, call: str, method: Callable[..., Any], *args: Any, **more: Any) -> Iterator[Any]:
        """Make a call that takes piece after piece; one that is cut leaves nothing behind."""
        kind = self._enter(call)
        self._strike(kind, call, "before")
        with method(*args, **more) as file:
            yield file
            self._strike(kind, call, "middle")
            self._alive()
        self._strike(kind, call, "after")

    def _enter(self, call: str) -> Kind | None:
        with self._lock:
            self._alive()
            self.listen(call)
            point = len(self.calls)
            self.calls.append(call)
            return self._due(point, call)

    def _due(self, point: int, call: str) -> Kind | None:
        fault = self.fault
        if fault is None or self._healed or point < fault.point:
            return None
        if point == fault.point:
            self._since = self._now()
            return fault.kind
        if fault.lasts is None or self._since is None or call != self.calls[fault.point]:
            return None
        return fault.kind if self._now() - self._since < fault.lasts else None

    def _strike(self, kind: Kind | None, call: str, when: str) -> None:
        if kind is None or kind.when != when:
            return
        self.struck += 1
        if kind.others != "nothing":
            self.meanwhile(kind)
            return
        self._let(kind.seconds)
        error = kind.error(call)
        self._dead = isinstance(error, Killed)
        raise error

    def _alive(self) -> None:
        if self._dead:
            raise Killed


class _Tapped:
    def __init__(self, name: str, port: Any, tap: Tap) -> None:
        self._name, self._port, self._tap = name, port, tap

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call, made = f"{self._name}.{method}", getattr(self._port, method)
        how = (
            self._tap.stream if call in STREAMS else self._tap.writer if call in WRITERS else self._tap.plain
        )
        return lambda *args, **more: how(call, made, *args, **more)


def tapped(world: World, tap: Tap) -> World:
    """Give the same world, each of its outside calls through the tap."""
    ports: dict[str, Any] = {
        field: _Tapped(name, getattr(world, field), tap) for field, name in PORTS.items()
    }
    return replace(world, **ports)
