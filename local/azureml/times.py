"""Durations as Azure writes them: ISO 8601, `PT1M30S`."""

from __future__ import annotations

import re

_DURATION = re.compile(r"P(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?")


def seconds(text: str) -> float | None:
    """Return how many seconds `text` means; None for what is no duration."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, rest = (float(match[part] or 0) for part in "dhms")
    return days * 86400 + hours * 3600 + minutes * 60 + rest
