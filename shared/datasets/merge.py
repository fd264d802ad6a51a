"""Puts examined blocks together in the order of the file: copies out, every row to its part, all counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
import xxhash

from shared.datasets.closeness import near_copies
from shared.datasets.findings import Findings, shown
from shared.datasets.hashes import Hashes
from shared.datasets.languages import language_mix
from shared.datasets.preview import preview
from shared.datasets.report import RefusedRow, Report, Rows
from shared.datasets.sample import Sample
from shared.datasets.sketch import Lowest, Sketch
from shared.datasets.split import Chosen, Fractions, Splitter
from shared.datasets.statistics import Statistics
from shared.datasets.verdict import LEAST_TRAIN_ROWS, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from shared.datasets.blocks import Seen
    from shared.datasets.examined import Examined, Sampled
    from shared.datasets.figures import Figures
    from shared.datasets.inputs import Unreadable
    from shared.datasets.prepare import CheckOptions, Writer

REFUSED = "rejected.jsonl"
PREVIEWED = 5
REFUSED_SHOWN, MOST_TEXT = 50, 160
_encode = msgspec.json.Encoder().encode


class Merge:
    """One pass: what has been seen so far. files: where rows go, by name; none where nothing is written."""

    def __init__(self, options: CheckOptions, files: Mapping[str, Writer]) -> None:
        self.options, self._files = options, files
        self.findings, self.sample = Findings(options.severities), Sample()
        self._statistics, self._kinds = Statistics(), dict[str, int]()
        self._rows, self._prompts = Hashes(), Hashes()
        self._lowest, self._lowest_questions = Lowest(), Lowest()
        self._shown: list[RefusedRow] = []
        self._splitter = Splitter(Fractions(options.validation_fraction, options.test_fraction), self._write)
        self._digest = xxhash.xxh3_128()
        self._lines = self._total = self._refused = self._duplicates = 0
        self._crlf, self._broken = False, ""

    def add(self, found: Examined) -> None:
        """Take the next block."""
        first = self._lines + 1
        self._lines += found.lines
        self._total += found.rows
        self._crlf |= found.crlf
        for line, code, what in found.faults:
            self.findings.add(code, first + line, what)
        for kind, line in found.kinds.items():
            self._kinds.setdefault(kind, first + line)
        self._refused += len(found.refused)
        for row in found.refused:
            refused = {"line": first + row.line, "code": row.code, "found": row.found, "text": row.text}
            self._put(REFUSED, [_encode(refused)])
            if len(self._shown) < REFUSED_SHOWN:
                self._shown.append(
                    RefusedRow(first + row.line, row.code, shown(row.found), shown(row.text, MOST_TEXT))
                )
        self._accept(found, first)

    def _accept(self, found: Examined, first: int) -> None:
        """Leave copies out, name conflicts, and pass the rest on."""
        whole = np.asarray(found.whole, np.uint64)
        new = self._rows.add(found.whole) if self.options.dedupe else np.ones(len(whole), np.bool_)
        for place in np.flatnonzero(~new).tolist():
            self.findings.add("DT307", first + found.line[place], "a row that stands further up")
        self._duplicates += len(new) - int(new.sum())
        kept = np.flatnonzero(new)
        prompts = np.asarray(found.prompt, np.uint64)[kept]
        for place in kept[~self._prompts.add(prompts)].tolist():
            self.findings.add(
                "DT310", first + found.line[place], "another answer to a chat that stands further up"
            )
        self._digest.update(whole[kept].tobytes())
        self._lowest.add(whole[kept])
        characters = np.asarray(found.characters, np.uint32)[kept]
        self._statistics.add(characters, np.asarray(found.turns, np.uint32)[kept])
        question = np.asarray(found.question, np.uint64)[kept]
        self._lowest_questions.add(question)
        data = [found.data[place] for place in kept.tolist()] if found.data else []
        self._splitter.add(Chosen(question, whole[kept], characters, data))
        self._sampled(found, first, new)

    def _sampled(self, found: Examined, first: int, new: NDArray[np.bool_]) -> None:
        """Offer the sample the rows that are no copies."""
        fresh = {found.line[place] for place in np.flatnonzero(new).tolist()} if found.sampled else set()
        for row in found.sampled:
            if row.line in fresh:
                self.sample.add(row, first + row.line)

    def unreadable(self, fault: Unreadable) -> None:
        """Note that the source was not read to its end."""
        self.findings.add(fault.code, None, fault.found)
        self._broken = f"the file cannot be used: {fault.found}"

    def finish(self, seen: Seen, source_digest: str) -> Report:
        """Fill the parts, judge the whole."""
        self._splitter.finish()
        counts = self._splitter.counts
        self._file_findings(seen, counts["train"])
        sampled = self.sample.rows()
        figures = self._statistics.figures() | self._look_at(sampled)
        rows = Rows(self._total, sum(counts.values()), self._refused, self._duplicates, **counts)
        verdict, reason = judge(rows, self.options, self._fatal())
        return Report(
            verdict,
            reason,
            rows,
            tuple(sorted(self.findings.kept, key=lambda found: found.line or 0)),
            dict(self.findings.counts),
            source_digest,
            self._digest.hexdigest(),
            cast("Figures", figures),
            preview=tuple(preview([(line, row.messages) for line, row in sampled[:PREVIEWED]])),
            refused=tuple(self._shown),
            sketch=Sketch(self._lowest.text(), self._lowest_questions.text()),
        )

    def _look_at(self, sampled: list[tuple[int, Sampled]]) -> dict[str, Any]:
        """Look for near copies and languages among the sampled rows."""
        chats = [row.messages for _line, row in sampled]
        copies = near_copies(chats)
        for pair in copies:
            found = f"{pair.alike:.0%} of its words as in line {sampled[pair.earlier][0]}"
            self.findings.add("DT311", sampled[pair.place][0], found)
        return {
            "sampled": len(chats),
            "near_copies": len(copies),
            "languages": language_mix(chats),
            "duplicates": self._duplicates,
        }

    def _fatal(self) -> str:
        if self._broken:
            return self._broken
        if self.findings.counts["DT110"] and self.findings.severity("DT110") == "error":
            return f"the file mixes {len(self._kinds)} formats: {self._formats()}"
        return ""

    def _formats(self) -> str:
        return ", ".join(f"line {line} is {kind}" for kind, line in self._kinds.items())

    def _file_findings(self, seen: Seen, train: int) -> None:
        least = max(LEAST_TRAIN_ROWS, self.options.min_rows)
        splitter = self._splitter
        noticed = {
            "DT101": (not self._total and not self._broken, "no row at all"),
            "DT103": (seen.bom, "a byte-order mark"),
            "DT104": (self._crlf, "lines ended by CRLF"),
            "DT105": (seen.open_end, "a last row without a line end"),
            "DT106": (self._total > 0 and train < least, f"{train} train rows"),
            "DT107": (splitter.whole_rows, "fewer than 3 different first questions"),
            "DT108": (bool(splitter.filled), f"too few rows for {' and '.join(splitter.filled)}"),
            "DT110": (len(self._kinds) > 1, self._formats()),
        }
        for code, (there, found) in noticed.items():
            if there:
                self.findings.add(code, None, found)

    def _write(self, part: str, rows: Sequence[bytes]) -> None:
        self._put(f"{part}.jsonl", rows)

    def _put(self, name: str, rows: Sequence[Any]) -> None:
        if rows and name in self._files:
            self._files[name].write(b"\n".join(rows) + b"\n")
