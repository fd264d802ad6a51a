"""Noting faults, and which of them refuse a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.datasets.examined import Refused
from shared.datasets.findings import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.datasets.examined import Examined
    from shared.datasets.rows import Fault

MOST_REFUSED_TEXT = 500
# Rows that Azure ML drops, or crashes on, whatever a recipe says of them: no prepared file holds one.
LOST = frozenset({"DT602", "DT603"})


def note(
    found: Examined,
    number: int,
    line: bytes,
    faults: Sequence[Fault],
    refusing: frozenset[str],
    *,
    lost: bool = False,
) -> bool:
    """Note a line's faults; tell whether they refuse it. lost: no severity can bring this row back."""
    found.faults += [(number, code, shown(what)) for code, what in faults]
    first = next((fault for fault in faults if fault[0] in refusing or fault[0] in LOST), None)
    if first is None and lost:
        first = faults[0]
    if first is not None:
        text = shown(line.decode("utf-8", "backslashreplace"), MOST_REFUSED_TEXT)
        found.refused.append(Refused(number, first[0], shown(first[1]), text))
    return first is not None
