"""A notice to people: through which channels it still has to go, and when it is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Collection

# A chat that is away for a moment, for lunch, for a bad afternoon; then a person must look.
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))


class Notice(msgspec.Struct, frozen=True):
    """One notice under way. event: its CloudEvent's id; tries: begun until now; due: when the next begins."""

    event: str
    title: str
    text: str
    channels: tuple[str, ...]
    due: datetime
    tries: int = 1

    @property
    def last(self) -> bool:
        """Tell whether the try that has begun is the last."""
        return self.tries > len(DELAYS)


class Undelivered(msgspec.Struct, frozen=True):
    """What is known of a notice that was given up: without its text. channels: why, by the setting's name."""

    at: datetime
    event: str
    title: str
    channels: dict[str, str]


def first(event: str, title: str, text: str, channels: Collection[str], now: datetime) -> Notice:
    """Begin the first try."""
    return Notice(event, title, text, tuple(channels), now + DELAYS[0])


def again(notice: Notice, now: datetime) -> Notice:
    """Begin the next try."""
    return replace(notice, tries=notice.tries + 1, due=now + DELAYS[min(notice.tries, len(DELAYS) - 1)])
