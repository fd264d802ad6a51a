"""The file that is being read: what has been noticed in it, and what concerns it as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.datasets.hashes import Hashes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.datasets.blocks import Seen
    from shared.datasets.examined import Examined
    from shared.datasets.rows import Fault
    from shared.datasets.sources import Source


@dataclass
class Current:
    """One file. base: lines of the files before it; rows, prompts: hashes seen in it.

    broken: why it was not read to its end.
    """

    source: Source
    base: int
    lines: int = 0
    total: int = 0
    crlf: bool = False
    broken: str = ""
    kinds: dict[str, int] = field(default_factory=dict)
    rows: Hashes = field(default_factory=Hashes)
    prompts: Hashes = field(default_factory=Hashes)

    def add(self, found: Examined) -> int:
        """Count a block; give its first line's number in this file."""
        first = self.lines + 1
        self.lines += found.lines
        self.total += found.rows
        self.crlf |= found.crlf
        for kind, line in found.kinds.items():
            self.kinds.setdefault(kind, first + line)
        return first

    def faults(self, seen: Seen) -> Iterator[Fault]:
        """Give what concerns the file as a whole."""
        noticed = {
            "DT101": (not self.total and not self.broken, "no row at all"),
            "DT103": (seen.bom, "a byte-order mark"),
            "DT104": (self.crlf, "lines ended by CRLF"),
            "DT105": (seen.open_end, "a last row without a line end"),
            "DT110": (len(self.kinds) > 1, self._formats()),
        }
        return ((code, found) for code, (there, found) in noticed.items() if there)

    def unusable(self, refusing: frozenset[str]) -> str:
        """Say why the whole data set cannot be used because of this file; empty where it can."""
        name = self.source.name or "the file"
        if self.broken:
            return f"{name} cannot be used: {self.broken}"
        if len(self.kinds) > 1 and "DT110" in refusing:
            return f"{name} mixes {len(self.kinds)} formats: {self._formats()}"
        return "" if self.total else f"{name} holds no row"

    def _formats(self) -> str:
        return ", ".join(f"line {line} is {kind}" for kind, line in self.kinds.items())
