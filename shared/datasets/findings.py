"""What can be wrong with a data set: every code with its severity, what is expected, how to mend it.

Codes are stable (docs/checks.md). DT1xx the file, DT2xx a line, DT3xx the conversation, DT4xx a message,
DT5xx content.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_KEPT = 200
MOST_PER_CODE = 50
MOST_SHOWN = 120


@dataclass(frozen=True)
class Check:
    """One check. severity: error refuses the row (or the file), warn is counted."""

    severity: str
    expected: str
    help: str


CHECKS: Mapping[str, Check] = {
    "DT101": Check("error", "a file with rows", "Upload the file again; it holds no row."),
    "DT102": Check("error", "a file within data.max_size", "Split the file, or raise data.max_size."),
    "DT103": Check("warn", "no byte-order mark", "Nothing to do: it was taken off."),
    "DT104": Check("warn", "lines ended by LF alone", "Nothing to do: CRLF was read as one line end."),
    "DT105": Check("warn", "a line end after the last row", "Nothing to do: the last row was read."),
    "DT106": Check("error", "at least 10 and data.min_rows train rows", "Add rows, or lower data.min_rows."),
    "DT107": Check(
        "warn", "at least 3 different first questions", "Vary the questions; rows were split whole."
    ),
    "DT108": Check("warn", "enough rows in each part", "Add rows; the lowest hashes filled the part up."),
    "DT201": Check("error", "one JSON object a line", "Mend or delete the line."),
    "DT202": Check("warn", "no blank line", "Delete the line; it was skipped."),
    "DT203": Check("error", "UTF-8", "Save the file as UTF-8; this line is in another encoding."),
    "DT204": Check(
        "error", "a line of at most 8 MiB", "Split the conversation; no model reads one this long."
    ),
    "DT205": Check("error", "numbers JSON knows", "Write null or a number in place of NaN and Infinity."),
    "DT206": Check(
        "error", "each key once in an object", "Keep one of the two; readers disagree which counts."
    ),
    "DT207": Check("error", "whole surrogate pairs", "Replace the lone half of a character, as \\ud800."),
    "DT208": Check("error", "nesting of at most 64 levels", "Flatten the row to messages of text."),
    "DT209": Check("error", "an object", 'Wrap the messages: {"messages": [...]}.'),
    "DT210": Check("warn", "prompt, messages, prompt_id", "Drop other columns; Azure ML ignores them."),
    "DT211": Check("error", "no tools key", "Remove `tools`: in some rows alone it empties the whole set."),
    "DT301": Check("error", "a list of messages", "Give the row `messages`: [{role, content}, ...]."),
    "DT302": Check("error", "at least 2 messages", "Azure ML drops shorter rows silently: add the answer."),
    "DT303": Check("error", "at least one assistant message", "Add the answer the model shall learn."),
    "DT304": Check("error", "user and assistant in turn", "Merge neighbouring messages of one role."),
    "DT305": Check("error", "one system message, first", "Move the system message to the front."),
    "DT306": Check("warn", "the last message from the assistant", "Cut the tail; nothing is learnt from it."),
    "DT307": Check("warn", "a new row", "Delete the copy; it was left out."),
    "DT308": Check("error", "a user message", "Add the question that the answer belongs to."),
    "DT401": Check("error", "a message that is an object", 'Write {"role": ..., "content": ...}.'),
    "DT402": Check("error", "a role that is text", "Write the role: system, user or assistant."),
    "DT403": Check("error", "system, user or assistant", "Azure ML's chat pipeline learns no other role."),
    "DT404": Check("error", "content that is text", "Write the content as a string; null fails the job."),
    "DT405": Check("error", "content that is not empty", "Write the text, or delete the message."),
    "DT406": Check("warn", "role and content alone", "Drop other keys; Azure ML ignores them."),
    "DT501": Check("warn", "no chat-template token", "Remove the token, as <|user|>: it breaks turns apart."),
    "DT502": Check("warn", "no invisible control character", "Remove zero-width and bidirectional controls."),
}


@dataclass(frozen=True)
class Finding:
    """One fault. line: 1-based, None for the file; found: shortened, controls shown, never a whole row."""

    code: str
    severity: str
    line: int | None
    found: str
    expected: str
    help: str
    count: int = 1


@dataclass
class Findings:
    """Collects findings: all counted, the first kept. severities: a recipe's own, by code."""

    severities: Mapping[str, str]
    kept: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def severity(self, code: str) -> str:
        """Tell how a code counts here: ignore, warn or error."""
        return self.severities.get(code, CHECKS[code].severity)

    def add(self, code: str, line: int | None, found: str) -> bool:
        """Note a finding; tell whether it refuses the row."""
        severity = self.severity(code)
        if severity == "ignore":
            return False
        self.counts[code] += 1
        if self.counts[code] <= MOST_PER_CODE and len(self.kept) < MOST_KEPT:
            check = CHECKS[code]
            self.kept.append(Finding(code, severity, line, shown(found), check.expected, check.help))
        return severity == "error"

    @property
    def errors(self) -> int:
        """Count the findings that refuse."""
        return sum(n for code, n in self.counts.items() if self.severity(code) == "error")


def shown(text: str, most: int = MOST_SHOWN) -> str:
    """Shorten a text and show its control characters instead of obeying them."""
    safe = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text[:most]
    )
    return safe if len(text) <= most and len(safe) <= most else safe[: most - 1] + "…"
