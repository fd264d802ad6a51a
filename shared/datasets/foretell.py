"""What Azure ML's preprocessing would do with a train file: which rows it drops, cuts, or fails on.

Read in azureml-acft-contrib-hf-nlp 0.0.91 (tasks/chat_completion/preprocess, utils/validation_utils.py), for
a file given together with a validation and a test file, so that all of its rows are train rows. The odd
places are `datasets.Dataset.map`'s: a function that gives None for a row leaves it out, crashes where it
gave None for the first row and something later, and has changed nothing where it gave None for the last.

Not foretold: a column or a message's key that first comes up after 10 MiB, which fails the load (`datasets`
takes the columns from the first piece); tools, where the template writes them, in token counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from shared.datasets.rowfacts import RowFacts, facts_of, merged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Foretelling", "Foretold", "Lines", "RowFacts", "facts_of", "merged"]
FEWEST_ROWS = 10
MOST_LINES = 20
Cause = Literal[
    "", "load", "system", "columns", "too few", "template", "nothing to learn", "first row", "last row"
]
EMPTY = frozenset({"missing", "null", "empty"})
SHORT = EMPTY | {"one"}
SYSTEM_FAULTS: Mapping[str, str] = {
    "late": "has a system message that is not the first message",
    "without a user": "has a system message and no user message",
}


@dataclass(frozen=True)
class Lines:
    """Some lines of the file, 1-based: how many, and the first of them."""

    count: int
    first: tuple[int, ...]


@dataclass(frozen=True)
class Foretold:
    """What would happen. kept: rows trained on (0 where the job fails); fails_at: the line that does it.

    cut: rows whose end is cut off and that are trained on; nothing_to_learn: rows without an assistant token
    within the limit. Both are told of what is left after dropping, even where the job fails.
    """

    outcome: Literal["trains", "fails"]
    cause: Cause
    why: str
    rows: int
    kept: int
    dropped_silently: Lines
    cut: Lines
    nothing_to_learn: Lines
    fails_at: int | None


class Foretelling:
    """Takes a file's rows in their order, in constant memory. limit: the TokenCounter's.

    system_supported: as the model's finetune_config says; where it is false, count tokens of merged() chats.
    A row without tokens is taken to fit within the limit.
    """

    def __init__(self, limit: int, *, system_supported: bool = True) -> None:
        self._limit, self._supported = limit, system_supported
        self._rows, self._tools, self._column, self._began_empty = 0, False, False, False
        self._plain, self._with_tools = _Course(), _Course()
        self._unloaded: int | None = None
        self._system: tuple[int, str] | None = None
        self._unmerged: int | None = None

    def row(self, line: int, facts: RowFacts) -> None:
        """Take one row. line: 1-based."""
        self.rows((line,), facts)

    def rows(self, lines: Sequence[int], facts: RowFacts) -> None:
        """Take rows that are alike and follow each other; lines: ascending, at least one."""
        if not self._supported:
            self._judge_system(lines[0], facts)
        self._rows += len(lines)
        if facts.messages == "not an object":
            self._unloaded = self._unloaded or lines[0]
            return
        self._column |= facts.messages != "missing"
        self._tools |= facts.tools != "no key"
        merged = not self._supported and facts.system != "none"
        short = facts.messages in SHORT or (merged and facts.messages == "two")
        for course, lost in (
            (self._plain, short),
            (self._with_tools, short or facts.tools in {"no key", "no value"}),
        ):
            if lost:
                course.dropped.add(lines)
            else:
                course.keep(lines, facts, self._limit)

    def result(self) -> Foretold:
        """Tell what the job would do with the rows so far."""
        course = self._with_tools if self._tools else self._plain
        cause, line, why = self._failure(course)
        kept = 0 if cause else course.left - course.nothing.count
        why = f"{why}: the job would fail" if cause else f"{_rows(kept)} would be trained on"
        told = course.dropped.told(), course.cut.told(), course.nothing.told()
        outcome: Literal["trains", "fails"] = "fails" if cause else "trains"
        return Foretold(outcome, cause, _story(self._rows, course, why), self._rows, kept, *told, line)

    def _judge_system(self, line: int, facts: RowFacts) -> None:
        """Find what fails before any row is dropped: each row's system message is looked at first."""
        empty = facts.messages in EMPTY
        self._began_empty |= empty and not self._rows
        fault = SYSTEM_FAULTS.get(facts.system)
        if empty and not self._began_empty:
            fault = "holds no messages, which crashes the look for system messages"
        elif facts.content == "not messages":
            fault = "holds something else than messages"
        if fault and self._system is None:
            self._system = line, fault
        if facts.system == "unmergeable":
            self._unmerged = self._unmerged or line

    def _failure(self, course: _Course) -> tuple[Cause, int | None, str]:
        """Find the first step that fails, in the order of the steps."""
        if self._unloaded:
            return "load", self._unloaded, f"line {self._unloaded} is no object, so the file cannot be loaded"
        if self._system:
            return "system", self._system[0], "line {} {}".format(*self._system)
        if self._unmerged:
            return (
                "system",
                self._unmerged,
                f"line {self._unmerged} has a system message or question without text",
            )
        if self._rows and not self._column:
            return "columns", None, "no row has messages"
        if course.left < FEWEST_ROWS:
            return "too few", None, f"{course.left or 'none'} remain, fewer than {FEWEST_ROWS}"
        if course.refused:
            line, fault = course.refused
            return "template", line, f"the chat template fails on line {line} ({fault})"
        return _learning(course)


@dataclass
class _Some:
    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, lines: Sequence[int]) -> None:
        self.count += len(lines)
        self.lines += lines[: MOST_LINES - len(self.lines)]

    def told(self) -> Lines:
        return Lines(self.count, tuple(self.lines))


@dataclass
class _Course:
    """What becomes of the rows where a tools column is read, or where none is."""

    dropped: _Some = field(default_factory=_Some)
    cut: _Some = field(default_factory=_Some)
    nothing: _Some = field(default_factory=_Some)
    refused: tuple[int, str] | None = None
    left: int = 0
    first: int = 0
    last: int = 0
    first_learns: bool = True
    last_learns: bool = True

    def keep(self, lines: Sequence[int], facts: RowFacts, limit: int) -> None:
        """Take rows that are not dropped."""
        tokens, learns = facts.tokens, facts.learns
        if tokens is not None:
            learns = tokens.learnt > 0
        if not self.left:
            self.first, self.first_learns = lines[0], learns
        self.left += len(lines)
        self.last, self.last_learns = lines[-1], learns
        if refusal := _refusal(facts):
            self.refused = self.refused or (lines[0], refusal)
        elif not learns:
            self.nothing.add(lines)
        elif tokens is not None and tokens.total > limit:
            self.cut.add(lines)


def _refusal(facts: RowFacts) -> str | None:
    """Tell why the chat template, or what is done right before it, fails."""
    if facts.content == "not messages":
        return "messages that are no list of objects"
    if facts.tools == "unusable":
        return "tools that are no list of objects"
    if facts.tokens is not None:
        return facts.tokens.fault
    return None if facts.content == "text" else f"content that is {facts.content}"


def _learning(course: _Course) -> tuple[Cause, int | None, str]:
    if course.nothing.count == course.left:
        return "nothing to learn", None, "no row has an assistant token left to learn"
    if not course.first_learns:
        why = (
            f"the first row left (line {course.first}) has no assistant token to learn, which crashes the job"
        )
        return "first row", course.first, why
    if not course.last_learns:
        why = f"the last row left (line {course.last}) has no assistant token to learn, which empties the set"
        return "last row", course.last, why
    return "", None, ""


def _story(rows: int, course: _Course, end: str) -> str:
    parts = [
        (course.dropped.count, "dropped"),
        (course.cut.count, "cut at the end"),
        (course.nothing.count, "left without an assistant token to learn"),
    ]
    told = [f"{count} {'is' if count == 1 else 'are'} {what}" for count, what in parts if count]
    return ", ".join([f"of {_rows(rows)} {told[0]}", *told[1:], end]) if told else end


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
