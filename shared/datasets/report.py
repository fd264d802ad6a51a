"""What a check found, for machines (`report.json`) and for the code that goes on with it."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads it at run time
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.datasets.findings import Finding  # noqa: TC001 - msgspec reads it at run time
from shared.datasets.preview import Said  # noqa: TC001 - msgspec reads it at run time


@dataclass(frozen=True)
class Rows:
    """Counts. refused: by an error; duplicates: left out; the parts are those after the split."""

    total: int
    accepted: int
    refused: int
    duplicates: int
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Report:
    """A data set's report.

    verdict: usable, usable_after_refusals or rejected; reason: one sentence; findings: the first ones in line
    order; counts: exact, by code; source_digest: of the bytes; data_digest: of the accepted rows in their
    order, whatever their white space; both XXH3-128, which tells data apart and protects nothing; statistics:
    characters, turns and tokens (an estimate) of a chat, near copies and languages among the sampled rows;
    preview: some chats, shortened.
    """

    verdict: str
    reason: str
    rows: Rows
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    source_digest: str
    data_digest: str
    statistics: Mapping[str, Any]
    preview: tuple[list[Said], ...] = ()

    def to_json(self) -> bytes:
        """Give report.json."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def from_json(cls, data: bytes) -> Report:
        """Read report.json."""
        return msgspec.json.decode(data, type=cls)
