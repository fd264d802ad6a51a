"""What can be wrong with a data set: every code with its severity, what is expected, how to mend it.

Codes are stable; docs/checks has a page for each. DT1xx the file, DT2xx a line, DT3xx the conversation,
DT4xx a message, DT5xx content, DT6xx tokens, DT7xx what is new since the data set before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    "DT109": Check(
        "error", "no first question on two sides", "Take the row out of one file: it would test nothing."
    ),
    "DT110": Check("error", "one format in the whole file", "Split the file: one format in each."),
    "DT111": Check(
        "error", "data that expands within data.max_size", "Split the file, or raise data.max_size."
    ),
    "DT112": Check("error", "a whole, undamaged file", "Upload it again, whole: plain, gzip or Parquet."),
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
    "DT310": Check(
        "warn", "one answer to a question", "Keep the right answer; the model learns a mixture of both."
    ),
    "DT311": Check("warn", "rows that differ", "Delete near copies; each weighs like one more epoch."),
    "DT401": Check("error", "a message that is an object", 'Write {"role": ..., "content": ...}.'),
    "DT402": Check("error", "a role that is text", "Write the role: system, user or assistant."),
    "DT403": Check("error", "system, user or assistant", "Azure ML's chat pipeline learns no other role."),
    "DT404": Check("error", "content that is text", "Write the content as a string; null fails the job."),
    "DT405": Check("error", "content that is not empty", "Write the text, or delete the message."),
    "DT406": Check("warn", "role and content alone", "Drop other keys; Azure ML ignores them."),
    "DT407": Check(
        "error", "no tool or function call", "Delete the call: the chat pipeline learns text alone."
    ),
    "DT408": Check("warn", "no weight", "Delete the message or the weight: Azure ML learns every answer."),
    "DT501": Check("warn", "no chat-template token", "Remove the token, as <|user|>: it breaks turns apart."),
    "DT502": Check("warn", "no invisible control character", "Remove zero-width and bidirectional controls."),
    "DT503": Check("warn", "no secret", "Revoke it, then delete it here: a model repeats what it learnt."),
    "DT504": Check("warn", "no personal data", "Replace it by an invented value, or leave the row out."),
    "DT505": Check(
        "warn", "text in its own encoding", "Save the source as UTF-8 again: this text was decoded wrongly."
    ),
    "DT506": Check("warn", "text without HTML", "Strip the tags, unless the model shall write them."),
    "DT507": Check("warn", "an answer, not a refusal", "Delete the row, unless refusing here is meant."),
    "DT508": Check("warn", "an answer, not a placeholder", "Write the answer, or delete the row."),
    "DT601": Check("warn", "a chat within the token limit", "Shorten the chat, or raise max_seq_length."),
    "DT602": Check("error", "an answer within the token limit", "Shorten what stands before the answer."),
    "DT603": Check("error", "a chat the chat template takes", "Write the turns as the base model expects."),
    "DT604": Check("warn", "a tokenizer that can be used", "Put the base model's own files there."),
    "DT701": Check(
        "warn", "a data set with something new", "Add new rows: training again on the old ones adds nothing."
    ),
}
