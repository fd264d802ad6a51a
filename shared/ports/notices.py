"""Telling others what happened, in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.domain.events import Event


class Topic(Protocol):
    """Where programs listen. At least once: an event's id tells a second delivery."""

    def publish(self, events: Sequence[Event]) -> None:
        """Hand events over, in order; where there is no topic, nothing. Raises Transient or Permanent."""


class People(Protocol):
    """Where people listen."""

    def tell(self, channels: Sequence[str], title: str, text: str) -> Mapping[str, str]:
        """Tell people through the named channels; gives those that did not work, and why."""
