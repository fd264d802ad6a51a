"""Check, split and write a data set in one pass over its bytes."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from shared.datasets import rows as row_checks
from shared.datasets.findings import Findings, shown
from shared.datasets.lines import Seen, lines
from shared.datasets.report import Report, Rows
from shared.datasets.split import PARTS, Fractions, SeenRows, Splitter
from shared.datasets.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from shared.datasets.rows import Fault

LEAST_TRAIN_ROWS = 10
REFUSED = "rejected.jsonl"
MOST_REFUSED_TEXT = 500


@dataclass(frozen=True)
class CheckOptions:
    """How a data set is checked; severities: code to ignore, warn or error."""

    validation_fraction: float = 0.1
    test_fraction: float = 0.1
    min_rows: int = 10
    max_bad_fraction: float = 0.0
    max_bytes: int = 2 * 1024**3
    dedupe: bool = True
    severities: Mapping[str, str] = field(default_factory=dict)


class Writer(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Write some."""


class Outputs(Protocol):
    """Opens train.jsonl, validation.jsonl, test.jsonl and rejected.jsonl for writing, front to back."""

    def open(self, name: str) -> AbstractContextManager[Writer]:
        """Open one; it is complete when its context ends without an exception."""


class TooLarge(Exception):
    """The source holds more bytes than are allowed."""


def prepare(
    chunks: Iterable[bytes],
    options: CheckOptions,
    outputs: Outputs | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Check every row, split the good ones, write all parts; without outputs check alone.

    progress is told the bytes read so far. What `chunks` raises goes through unchanged.
    """
    with ExitStack() as stack:
        files = {name: stack.enter_context(outputs.open(name)) for name in _names()} if outputs else {}
        work = _Work(options, files)
        source = _Source(chunks, options.max_bytes, progress)
        try:
            for number, line in lines(source, work.seen):
                work.line(number, line)
        except TooLarge:
            work.findings.add("DT102", None, f"more than {options.max_bytes:,} bytes")
            work.fatal = True
        return work.finish(source.digest.hexdigest())


def _names() -> list[str]:
    return [f"{part}.jsonl" for part in PARTS] + [REFUSED]


class _Source:
    """Counts, digests and caps the bytes as they pass."""

    def __init__(self, chunks: Iterable[bytes], most: int, progress: Callable[[int], None] | None) -> None:
        self._chunks, self._most, self._progress = chunks, most, progress
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for chunk in self._chunks:
            read += len(chunk)
            if read > self._most:
                raise TooLarge
            self.digest.update(chunk)
            if self._progress:
                self._progress(read)
            yield chunk


class _Work:
    """One pass: what has been seen so far."""

    def __init__(self, options: CheckOptions, files: Mapping[str, Writer]) -> None:
        self.options, self._files = options, files
        self.findings = Findings(options.severities)
        self.seen, self.fatal = Seen(), False
        self._statistics, self._rows_seen = Statistics(), SeenRows()
        self._splitter = Splitter(Fractions(options.validation_fraction, options.test_fraction), self._write)
        self._digest = hashlib.sha256()
        self._encode = msgspec.json.Encoder().encode
        self._total = self._refused = self._duplicates = 0

    def line(self, number: int, line: bytes | None) -> None:
        """Take one line: read it, check it, give it its part."""
        if line is not None and not line.strip():
            self.findings.add("DT202", number, "a blank line")
            return
        self._total += 1
        row, faults = row_checks.read(line) if line is not None else (None, [("DT204", "more than 8 MiB")])
        refusing = [fault for fault in faults if self.findings.add(fault[0], number, fault[1])]
        if row is None or refusing:
            self._refuse(number, line, refusing or faults)
            return
        whole = row_checks.complete(row)
        data = self._encode(whole)
        if self.options.dedupe and not self._rows_seen.add(data):
            self._duplicates += 1
            self.findings.add("DT307", number, "a row that stands further up")
            return
        self._digest.update(data)
        self._statistics.add(sum(len(m.content) for m in whole.messages), len(whole.messages))
        self._splitter.add(row_checks.first_question(whole), data)

    def finish(self, source_sha256: str) -> Report:
        """Fill the parts, judge the whole."""
        self._splitter.finish()
        self._file_findings()
        counts = self._splitter.counts
        accepted = sum(counts.values())
        least = max(LEAST_TRAIN_ROWS, self.options.min_rows)
        if self._total and counts["train"] < least:
            self.findings.add("DT106", None, f"{counts['train']} train rows")
        rows = Rows(self._total, accepted, self._refused, self._duplicates, **counts)
        verdict, reason = self._judge(rows, least)
        return Report(
            verdict,
            reason,
            rows,
            tuple(sorted(self.findings.kept, key=lambda found: found.line or 0)),
            dict(self.findings.counts),
            source_sha256,
            self._digest.hexdigest(),
            self._statistics.figures(),
        )

    def _file_findings(self) -> None:
        noticed = {
            "DT101": (not self._total and not self.fatal, "no row at all"),
            "DT103": (self.seen.bom, "a byte-order mark"),
            "DT104": (self.seen.crlf, "lines ended by CRLF"),
            "DT105": (self.seen.open_end, "a last row without a line end"),
            "DT107": (self._splitter.whole_rows, "fewer than 3 different first questions"),
            "DT108": (bool(self._splitter.filled), f"too few rows for {' and '.join(self._splitter.filled)}"),
        }
        for code, (there, found) in noticed.items():
            if there:
                self.findings.add(code, None, found)

    def _judge(self, rows: Rows, least: int) -> tuple[str, str]:
        if self.fatal:
            return "rejected", f"the file holds more than the {self.options.max_bytes:,} bytes allowed"
        if not rows.total:
            return "rejected", "the file holds no row"
        bad = rows.refused / rows.total
        if bad > self.options.max_bad_fraction:
            most = f"{self.options.max_bad_fraction:.0%}"
            return (
                "rejected",
                f"{rows.refused:,} of {rows.total:,} rows have errors, more than the {most} allowed",
            )
        if rows.train < least:
            return "rejected", f"{rows.train:,} train rows are left, fewer than the {least:,} needed"
        parts = f"{rows.train:,} rows to train, {rows.validation:,} to validate, {rows.test:,} to test"
        if rows.refused:
            return "usable_after_refusals", f"{parts}; {rows.refused:,} refused"
        return "usable", parts

    def _refuse(self, number: int, line: bytes | None, faults: list[Fault]) -> None:
        self._refused += 1
        code, found = faults[0]
        text = shown(line.decode("utf-8", "backslashreplace"), MOST_REFUSED_TEXT) if line is not None else ""
        self._put(REFUSED, {"line": number, "code": code, "found": shown(found), "text": text})

    def _put(self, name: str, value: Any) -> None:  # noqa: ANN401 - anything JSON holds
        if name in self._files:
            self._files[name].write(self._encode(value) + b"\n")

    def _write(self, part: str, row: bytes) -> None:
        name = f"{part}.jsonl"
        if name in self._files:
            self._files[name].write(row + b"\n")
