"""Findings: what was wrong, where, and what was expected. All are counted, of each code the first kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.datasets.checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_OF_A_CODE = 50
MOST_SHOWN = 120


@dataclass(frozen=True)
class Finding:
    """One fault. line: 1-based in `file`, None for the file; found: shortened, controls shown, never a row.

    file: which of the data set's files, where it has several; empty: the only one, or the whole set.
    """

    code: str
    severity: str
    line: int | None
    found: str
    expected: str
    help: str
    count: int = 1
    file: str = ""

    @property
    def where(self) -> str:
        """Say where it is."""
        return where(self.file, self.line)


def where(file: str, line: int | None) -> str:
    """Name a place in a data set of one file or several."""
    if line is None:
        return file or "the data set"
    return f"line {line} of {file}" if file else f"line {line}"


@dataclass
class Findings:
    """Collects findings: all counted, of each code the first `most` kept. severities: a recipe's, by code.

    file: where the faults that come now are.
    """

    severities: Mapping[str, str]
    most: int = MOST_OF_A_CODE
    kept: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    file: str = ""

    def severity(self, code: str) -> str:
        """Tell how a code counts here: ignore, warn or error."""
        return self.severities.get(code, CHECKS[code].severity)

    def add(self, code: str, line: int | None, found: str) -> bool:
        """Note a finding; tell whether it refuses the row."""
        severity = self.severity(code)
        if severity == "ignore":
            return False
        self.counts[code] += 1
        if self.counts[code] <= self.most:
            check = CHECKS[code]
            self.kept.append(
                Finding(code, severity, line, shown(found), check.expected, check.help, file=self.file)
            )
        return severity == "error"

    @property
    def refusing(self) -> frozenset[str]:
        """The codes that refuse what they are found in."""
        return frozenset(code for code in CHECKS if self.severity(code) == "error")


def shown(text: str, most: int = MOST_SHOWN) -> str:
    """Shorten a text and show its control characters instead of obeying them."""
    safe = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text[:most]
    )
    return safe if len(text) <= most and len(safe) <= most else safe[: most - 1] + "…"


def kind_of(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Name a JSON value's kind for people."""
    names = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")
