"""What is wrong with the order of roles: decided once for each order, as a file has few of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import xxhash

from shared.datasets.findings import shown
from shared.datasets.rowfacts import learns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.datasets.meter import Meter
    from shared.datasets.rows import Fault

ROLES = frozenset({"system", "user", "assistant"})
FEWEST_MESSAGES = 2
MOST_KEPT = 10_000
ENDLESS = 1 << 40


@dataclass(frozen=True)
class Shape:
    """An order of roles. question: the place of the first user message, else 0; seed: its hash.

    room: bytes of text with which such a chat surely fits; negative where it must be looked at.
    """

    faults: tuple[Fault, ...]
    question: int
    seed: int
    room: int


class Shapes(dict[tuple[str, ...], Shape]):
    """The shapes seen so far, made when first asked for. meter: what knows the base model's tokens."""

    def __init__(self, meter: Meter | None = None) -> None:
        super().__init__()
        self._meter = meter

    def __missing__(self, roles: tuple[str, ...]) -> Shape:
        """Look at one order of roles."""
        if len(self) >= MOST_KEPT:
            self.clear()
        question = roles.index("user") if "user" in roles else 0
        seed = xxhash.xxh3_64_intdigest(" ".join(roles).encode("utf-8", "surrogatepass"))
        self[roles] = shape = Shape(tuple(_faults(roles)), question, seed, self._room(roles))
        return shape

    def _room(self, roles: tuple[str, ...]) -> int:
        if not learns(roles):
            return -1
        return ENDLESS if self._meter is None else self._meter.room(roles)


def _faults(roles: tuple[str, ...]) -> Iterator[Fault]:
    if len(roles) < FEWEST_MESSAGES:
        yield "DT302", f"{len(roles)} message" + ("" if len(roles) == 1 else "s")
        return
    for place, role in enumerate(roles, 1):
        if role not in ROLES:
            yield "DT403", f"role {shown(role, 40)!r} in message {place}"
    if "assistant" not in roles:
        yield "DT303", "no assistant message"
    if "user" not in roles:
        yield "DT308", "no user message"
    if "system" in roles[1:]:
        yield "DT305", f"a system message as number {roles.index('system', 1) + 1}"
    turns = [role for role in roles if role != "system"]
    for place, (one, other) in enumerate(itertools.pairwise(turns), 1):
        if one == other:
            yield "DT304", f"two {shown(one, 40)} messages in a row (turns {place} and {place + 1})"
            break
    if turns and turns[-1] != "assistant":
        yield "DT306", f"the last message is the {shown(turns[-1], 40)}'s"
