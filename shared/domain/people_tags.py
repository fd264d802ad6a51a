"""The two tags of people: `droptune-keep`, a reason not to take a thing, and `droptune-expires`, a date.

Both: kept until the date, then judged like any other. The date alone: it may go from then on, unless it is
in use. A keep with a date that is none holds for ever: a slip of the pen takes nothing away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.domain.tags import EXPIRES, KEEP

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Wishes:
    """What people want of one thing. keep: their reason, None: no such tag; expires None: no date."""

    keep: str | None
    expires: datetime | None
    written: str = ""

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Wishes:
        """Read a thing's tags; Azure's tag names know no case."""
        found = {name.lower(): value for name, value in tags.items()}
        written = (found.get(EXPIRES) or "").strip()
        return cls(found.get(KEEP), date(written), written)

    def keeps(self, now: datetime) -> bool:
        """Tell whether it must stay."""
        return self.keep is not None and (self.expires is None or now < self.expires)

    def expired(self, now: datetime) -> bool:
        """Tell whether people gave it a date alone, and that is past."""
        return self.keep is None and self.expires is not None and now >= self.expires

    def said(self) -> str:
        """Say until when and why it is kept."""
        until = f" until {self.expires:%F %R} UTC" if self.expires else ""
        odd = f" ({EXPIRES} {self.written!r} is no date)" if self.written and not self.expires else ""
        return f"kept{until}{odd}: {self.keep or 'no reason given'}"


def date(text: str) -> datetime | None:
    """Read a day or a time, UTC where it names no other; None where it is neither."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
