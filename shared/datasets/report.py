"""What a check found, for machines (`report.json`) and for the code that goes on with it.

docs/report.md explains the keys; schema.py publishes the types as a JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads it at run time
from dataclasses import dataclass

import msgspec

from shared.datasets.changes import Changes  # noqa: TC001 - msgspec reads it at run time
from shared.datasets.figures import Figures, Tokenized  # noqa: TC001 - msgspec reads it at run time
from shared.datasets.findings import Finding  # noqa: TC001 - msgspec reads it at run time
from shared.datasets.foretell import Foretold  # noqa: TC001 - msgspec reads it at run time
from shared.datasets.preview import Shown  # noqa: TC001 - msgspec reads it at run time
from shared.datasets.rowcounts import Rows
from shared.datasets.sketch import Sketch  # noqa: TC001 - msgspec reads it at run time

__all__ = ["VERSION", "NotAReport", "RefusedRow", "Report", "Rows"]
VERSION = 1


class NotAReport(ValueError):
    """The bytes are no report.json that this code can read; the text says why."""


@dataclass(frozen=True)
class RefusedRow:
    """A row that was left out. text: the start of it; file: as in a finding; rejected.jsonl has them all."""

    line: int
    code: str
    found: str
    text: str
    file: str = ""


@dataclass(frozen=True)
class Report:
    """A data set's report.

    verdict: usable, usable_after_refusals or rejected; reason: one sentence; findings: the first ones by
    file and line; counts: exact, by code; source_digest: of the bytes; data_digest: of the accepted rows in
    their order, whatever their white space; both XXH3-128, which tells data apart and protects nothing;
    statistics: characters and turns of a chat, near copies and languages among the sampled rows; tokens: as
    counted or estimated; prediction: what Azure ML's preprocessing would do with the train file as it was
    dropped, null where it was not read to its end; preview: some chats, shortened; refused: the first rows
    left out; sketch: what a later data set is held against; since: what is new since an earlier one.
    version: of this format; it grows when a key changes its meaning or goes, not when one is added.
    """

    verdict: str
    reason: str
    rows: Rows
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    source_digest: str
    data_digest: str
    statistics: Figures
    preview: tuple[Shown, ...] = ()
    refused: tuple[RefusedRow, ...] = ()
    sketch: Sketch | None = None
    since: Changes | None = None
    tokens: Tokenized | None = None
    prediction: Foretold | None = None
    version: int = VERSION

    def to_json(self) -> bytes:
        """Give report.json."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def from_json(cls, data: bytes) -> Report:
        """Read report.json; raises NotAReport."""
        try:
            version = msgspec.json.decode(data, type=_Head).version
            if version > VERSION:
                raise NotAReport(f"its version is {version}; this Droptune reads up to {VERSION}")
            report = msgspec.json.decode(data, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise NotAReport(str(fault)) from fault
        if report.sketch is not None and not report.sketch.sound:
            raise NotAReport("its sketch is damaged")
        return report


class _Head(msgspec.Struct):
    version: int = 1
