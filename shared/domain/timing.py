"""How long things wait, in seconds; settings may shorten them (docs/settings.md)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Delays in seconds; a poll grows towards its maximum with each look that found nothing."""

    listing: float = 300.0
    drop_age: float = 120.0
    overdue: float = 30.0
    poll: float = 3.0
    poll_max: float = 60.0
    job_poll: float = 30.0
    job_poll_max: float = 300.0
    claim: float = 180.0
