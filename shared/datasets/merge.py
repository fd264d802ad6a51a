"""Puts examined blocks together in the order of the files: copies out, every row to its part, all counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
import xxhash

from shared.datasets.closeness import near_copies
from shared.datasets.current import Current
from shared.datasets.findings import Findings, shown, where
from shared.datasets.hashes import Hashes
from shared.datasets.languages import language_mix
from shared.datasets.preview import preview
from shared.datasets.report import RefusedRow, Report, Rows
from shared.datasets.sample import Sample
from shared.datasets.sides import Sides
from shared.datasets.sketch import Lowest, Sketch
from shared.datasets.sources import HELD_OUT
from shared.datasets.split import Chosen, Fractions, Splitter
from shared.datasets.statistics import Statistics
from shared.datasets.tokenfigures import said
from shared.datasets.tokening import Tokening
from shared.datasets.verdict import LEAST_TRAIN_ROWS, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from shared.datasets.blocks import Seen
    from shared.datasets.examined import Examined, Sampled
    from shared.datasets.figures import Figures, Tokenized
    from shared.datasets.inputs import Unreadable
    from shared.datasets.preparation import CheckOptions, Writer
    from shared.datasets.preview import Shown
    from shared.datasets.sources import Source

REFUSED = "rejected.jsonl"
PREVIEWED, MOST_REFUSED_TEXT = 5, 500
REFUSED_SHOWN, MOST_TEXT = 50, 160
_encode = msgspec.json.Encoder().encode


class Merge:
    """One pass: what has been seen so far.

    files: where rows go, by name; none where nothing is written. given: the parts that files were given for.
    """

    def __init__(self, options: CheckOptions, files: Mapping[str, Writer], given: Sequence[str]) -> None:
        self.options, self._files, self._given = options, files, given
        self.findings, self.sample = Findings(options.severities, options.most_findings), Sample()
        self._statistics, self._sides, self._tokening = Statistics(), Sides(), Tokening(options)
        self._lowest, self._lowest_questions = Lowest(), Lowest()
        self._shown: list[RefusedRow] = []
        fractions = Fractions(options.validation_fraction, options.test_fraction)
        self._splitter = Splitter(fractions, self._write, given)
        self._digest = xxhash.xxh3_128()
        self._total = self._refused = self._duplicates = 0
        self._fatal = ""
        self._read: list[Current] = []

    @property
    def _file(self) -> Current:
        return self._read[-1]

    def begin(self, source: Source) -> None:
        """Turn to the next file."""
        self._read.append(Current(source, self._file.base + self._file.lines if self._read else 0))
        self.findings.file = source.name
        if source.held_out:
            self._digest.update(source.part.encode())

    def add(self, found: Examined) -> None:
        """Take the file's next block."""
        first = self._file.add(found)
        for line, code, what in found.faults:
            self.findings.add(code, first + line, what)
        for row in found.refused:
            self._refuse(first + row.line, row.code, row.found, row.text)
        self._accept(found, first)
        self._tokening.foretell(found, first, self._file.source)

    def _refuse(self, line: int, code: str, found: str, text: str) -> None:
        self._refused += 1
        name = {"file": self._file.source.name} if self._file.source.name else {}
        self._put(REFUSED, [_encode({**name, "line": line, "code": code, "found": found, "text": text})])
        if len(self._shown) < REFUSED_SHOWN:
            self._shown.append(RefusedRow(line, code, shown(found), shown(text, MOST_TEXT), **name))

    def _accept(self, found: Examined, first: int) -> None:
        """Leave out copies and what stands on another side, name conflicts, and pass the rest on."""
        file, whole = self._file, np.asarray(found.whole, np.uint64)
        question = np.asarray(found.question, np.uint64)
        new = self._apart(found, first, question, whole)
        if self.options.dedupe:
            apart = np.flatnonzero(new)
            copies = apart[~file.rows.add(whole[apart])]
            new[copies] = False
            for place in copies.tolist():
                self.findings.add("DT307", first + found.line[place], "a row that stands further up")
            self._duplicates += len(copies)
        kept = np.flatnonzero(new)
        prompts = np.asarray(found.prompt, np.uint64)[kept]
        for place in kept[~file.prompts.add(prompts)].tolist():
            self.findings.add(
                "DT310", first + found.line[place], "another answer to a chat that stands further up"
            )
        self._digest.update(whole[kept].tobytes())
        self._lowest.add(whole[kept])
        characters = np.asarray(found.characters, np.uint32)[kept]
        self._statistics.add(characters, np.asarray(found.turns, np.uint32)[kept])
        self._lowest_questions.add(question[kept])
        data = [found.data[place] for place in kept.tolist()] if found.data else []
        self._place(Chosen(question[kept], whole[kept], characters, data), found, first, kept)
        self._sampled(found, first, new)
        self._tokening.kept(found, kept)

    def _apart(
        self, found: Examined, first: int, question: NDArray[np.uint64], whole: NDArray[np.uint64]
    ) -> NDArray[np.bool_]:
        """Tell which rows may stay; name those whose question a held-out file asks too."""
        stay = np.ones(len(question), np.bool_)
        for place in np.flatnonzero(self._sides.among(question)).tolist():
            line = first + found.line[place]
            what = self._sides.where(int(question[place]), int(whole[place]))
            if self.findings.add("DT109", line, what):
                stay[place] = False
                text = found.data[place].decode("utf-8", "backslashreplace") if found.data else ""
                self._refuse(line, "DT109", what, shown(text, MOST_REFUSED_TEXT))
        return stay

    def _place(self, rows: Chosen, found: Examined, first: int, kept: NDArray[np.intp]) -> None:
        """Split train rows; leave held-out rows where they were put, and remember what they ask."""
        source = self._file.source
        if not source.held_out:
            self._splitter.add(rows)
            return
        self._splitter.put(source.part, rows)
        lines = np.asarray(found.line, np.uint64)[kept] + np.uint64(first)
        self._sides.note(rows.question, rows.whole, lines)

    def _sampled(self, found: Examined, first: int, new: NDArray[np.bool_]) -> None:
        """Offer the sample the rows that are kept, each under its line in all files together."""
        fresh = {found.line[place] for place in np.flatnonzero(new).tolist()} if found.sampled else set()
        for row in found.sampled:
            if row.line in fresh:
                self.sample.add(row, self._file.base + first + row.line)

    def unreadable(self, fault: Unreadable) -> None:
        """Note that the file was not read to its end."""
        self.findings.add(fault.code, None, fault.found)
        self._file.broken = fault.found

    def end(self, seen: Seen) -> None:
        """Note what concerns the file as a whole, and let go what is needed within it alone."""
        file = self._file
        for code, found in file.faults(seen):
            self.findings.add(code, None, found)
        self._total += file.total
        self._fatal = self._fatal or file.unusable(self.findings.refusing)
        file.rows, file.prompts = Hashes(), Hashes()
        self._sides.close(file.source.name)

    def close(self) -> None:
        """Give up, or be done: nothing is left on disk."""
        self._splitter.close()

    def finish(self, source_digest: str) -> Report:
        """Fill the parts, judge the whole."""
        self._splitter.finish()
        counts, self.findings.file = self._splitter.counts, ""
        self._set_findings(counts)
        sampled = self.sample.rows()
        rows = Rows(self._total, sum(counts.values()), self._refused, self._duplicates, **counts)
        tokens = self._count(rows, sampled)
        figures = self._statistics.figures() | self._look_at(sampled)
        figures |= {"estimated_tokens": tokens["total"], "token_estimate": said(tokens)}
        verdict, reason = judge(rows, self.options, self._fatal)
        return Report(
            verdict,
            reason,
            rows,
            tuple(sorted(self.findings.kept, key=lambda found: (found.file, found.line or 0))),
            dict(self.findings.counts),
            source_digest,
            self._digest.hexdigest(),
            cast("Figures", figures),
            preview=tuple(self._preview(sampled[:PREVIEWED])),
            refused=tuple(self._shown),
            sketch=Sketch(self._lowest.text(), self._lowest_questions.text()),
            tokens=tokens,
            prediction=None if any(file.broken for file in self._read) else self._tokening.foretold(),
        )

    def _count(self, rows: Rows, sampled: list[tuple[int, Sampled]]) -> Tokenized:
        """Count the sampled rows; one that was prepared and cannot be trained on is the end of it."""
        tokens = self._tokening.figures(rows.accepted, rows.train, self._statistics.total_characters, sampled)
        for place, (code, what) in self._tokening.faults:
            self.findings.file, line = self._at(place)
            self.findings.add(code, line, what)
            self._fatal = f"line {line} was prepared, and Azure ML would not train on it: {what}"
        return tokens

    def _look_at(self, sampled: list[tuple[int, Sampled]]) -> dict[str, Any]:
        """Look for near copies and languages among the sampled rows."""
        chats = [row.messages for _line, row in sampled]
        copies = near_copies(chats)
        for pair in copies:
            self.findings.file, line = self._at(sampled[pair.place][0])
            other = where(*self._at(sampled[pair.earlier][0]))
            self.findings.add("DT311", line, f"{pair.alike:.0%} of its words as in {other}")
        return {
            "sampled": len(chats),
            "near_copies": len(copies),
            "languages": language_mix(chats),
            "duplicates": self._duplicates,
        }

    def _preview(self, sampled: list[tuple[int, Sampled]]) -> Iterator[Shown]:
        for one in preview([(line, row.messages) for line, row in sampled], self._tokening.render):
            file, line = self._at(one.line)
            yield msgspec.structs.replace(one, file=file, line=line)

    def _at(self, line: int) -> tuple[str, int]:
        """Give the file and its line for a line in all files together."""
        file = next(file for file in reversed(self._read) if file.base < line)
        return file.source.name, line - file.base

    def _set_findings(self, counts: Mapping[str, int]) -> None:
        """Note what concerns the data set as a whole."""
        least = max(LEAST_TRAIN_ROWS, self.options.min_rows)
        if self._total and counts["train"] < least:
            self.findings.add("DT106", None, f"{counts['train']} train rows")
        for code, found in self._splitter.faults():
            self.findings.add(code, None, found)
        for part in HELD_OUT:
            if part in self._given and not counts[part]:
                self._fatal = self._fatal or f"no {part} row is left"

    def _write(self, part: str, rows: Sequence[bytes]) -> None:
        self._put(f"{part}.jsonl", rows)

    def _put(self, name: str, rows: Sequence[Any]) -> None:
        if rows and name in self._files:
            self._files[name].write(b"\n".join(rows) + b"\n")
