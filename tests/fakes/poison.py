"""The poison queues in memory: the port Poison.

`fake.put(kind, body)` spoils a message, as the platform would; nothing taken is seen until it is released.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from shared.ports.poison import Spoiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

AT_ONCE = 32


class FakePoison:
    """`Poison` in memory; restored: what was put back as it stood."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._ids = itertools.count(1)
        self.seen: list[Spoiled] = []
        self.taken: dict[str, Spoiled] = {}
        self.restored: list[str | None] = []

    def put(self, kind: Literal["step", "drop"], body: str | None) -> str:
        self.seen.append(Spoiled(f"m{next(self._ids)}", kind, body, self._now()))
        return self.seen[-1].id

    def look(self) -> Sequence[Spoiled]:
        of = {kind: [one for one in self.seen if one.kind == kind] for kind in ("step", "drop")}
        return [*of["step"][:AT_ONCE], *of["drop"][:AT_ONCE]]

    def take(self) -> Iterator[Spoiled]:
        for kind in ("step", "drop"):
            while found := next((one for one in self.seen if one.kind == kind), None):
                self.seen.remove(found)
                self.taken[found.id] = replace(found, receipt="r")
                yield self.taken[found.id]

    def release(self, taken: Spoiled) -> None:
        self.seen.append(replace(self.taken.pop(taken.id), receipt=""))

    def delete(self, taken: Spoiled) -> None:
        self.taken.pop(taken.id, None)

    def restore(self, taken: Spoiled) -> None:
        self.restored.append(taken.body)
        self.delete(taken)
