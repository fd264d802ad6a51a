"""What failed as often as it may, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime


@dataclass(frozen=True)
class Spoiled:
    """One message. kind: a step of a run, or a blob that was dropped; since: when it was given up.

    body: its text; None where it is none. receipt: with which it is handled once it is taken.
    """

    id: str
    kind: Literal["step", "drop"]
    body: str | None
    since: datetime
    receipt: str = ""


class Poison(Protocol):
    """The queues that the platform puts messages in after their last try."""

    def look(self) -> Sequence[Spoiled]:
        """Look at the oldest 32 of each kind; none is taken."""

    def take(self) -> Iterator[Spoiled]:
        """Take one after the other; each is hidden from others for two minutes."""

    def release(self, taken: Spoiled) -> None:
        """Let a taken one be seen again at once."""

    def delete(self, taken: Spoiled) -> None:
        """Delete a taken one."""

    def restore(self, taken: Spoiled) -> None:
        """Put a taken step back into its queue, as it stands, and delete it here."""
