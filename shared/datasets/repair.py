"""Mends what can be mended without changing what a chat says; docs/checks tells what is done for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
import xxhash

from shared.datasets.blocks import Seen, blocks
from shared.datasets.findings import kind_of
from shared.datasets.formats import MESSAGES, recognise
from shared.datasets.inputs import lines_of
from shared.datasets.reading import message_faults
from shared.datasets.strict import diagnose
from shared.datasets.turns import ROLES, Shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.datasets.formats import Read
    from shared.datasets.rows import Fault

    Messages = list[dict[str, str]]

HARMLESS = frozenset({"DT210", "DT211", "DT406", "DT408"})  # keys that are dropped
ENDLESS = 1 << 62


@dataclass
class Repaired:
    """One line of the file, or what concerns it as a whole (line None). row: as it is written, None for none.

    changes: what was done, code and words; fault: why the row could not be mended.
    """

    line: int | None
    row: bytes | None = None
    changes: list[Fault] = field(default_factory=list)
    fault: Fault | None = None
    text: str = ""


class _Hopeless(Exception):
    """The row cannot be mended without inventing text."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(found)
        self.fault = code, found


def repair(chunks: Iterable[bytes], most: int = ENDLESS) -> Iterator[Repaired]:
    """Give every line with what was done to it. Raises Unreadable where the source breaks off."""
    seen, number, crlf = Seen(), 0, False
    known: set[int] = set()
    shapes = Shapes()
    for block in blocks(lines_of(chunks, most), seen):
        if block.too_long:
            number += 1
            yield Repaired(number, fault=("DT204", "more than 8 MiB"))
            continue
        lines = block.data.split(b"\n")
        for line in lines[:-1] if block.data.endswith(b"\n") else lines:
            number += 1
            crlf |= line.endswith(b"\r")
            yield _line(number, line.removesuffix(b"\r"), known, shapes)
    whole = [("DT103", "took the byte-order mark off")] if seen.bom else []
    whole += [("DT104", "wrote LF for CRLF")] if crlf else []
    whole += [("DT105", "added the last line end")] if seen.open_end else []
    if whole:
        yield Repaired(None, changes=whole)


def _line(number: int, line: bytes, known: set[int], shapes: Shapes) -> Repaired:
    done = Repaired(number, text=line.decode("utf-8", "backslashreplace"))
    if not line.strip():
        done.changes.append(("DT202", "left the blank line out"))
        return done
    try:
        row = _mended(line, done.changes, shapes)
    except _Hopeless as hopeless:
        done.fault = hopeless.fault
        return done
    mark = xxhash.xxh3_64_intdigest(msgspec.json.encode(row["messages"]))
    if mark in known:
        done.changes.append(("DT307", "left the copy out"))
        return done
    known.add(mark)
    done.row = msgspec.json.encode(row)
    return done


def _mended(line: bytes, changes: list[Fault], shapes: Shapes) -> dict[str, Any]:
    found = _read(line, changes)
    messages = _messages(found, changes)
    first = [message["content"] for message in messages if message["role"] == "user"][:1]
    for step in (_system_first, _merged, _without_tail):
        messages = step(messages, changes)
    shape = shapes[tuple(message["role"] for message in messages)]
    if shape.faults:
        raise _Hopeless(*shape.faults[0])
    named = {key: text for key in ("prompt", "prompt_id") if isinstance(text := getattr(found, key), str)}
    if named and first != [message["content"] for message in messages if message["role"] == "user"][:1]:
        changes.append(("DT304", f"dropped {' and '.join(named)}: the first question is another now"))
        named = {}
    return {"messages": messages, **named}


def _read(line: bytes, changes: list[Fault]) -> Read:
    value, faults = diagnose(line)
    if faults:
        raise _Hopeless(*faults[0])
    if not isinstance(value, dict):
        raise _Hopeless("DT209", kind_of(value))
    found, faults = recognise(value)
    if found is None:
        raise _Hopeless(*faults[0])
    changes += [(code, f"dropped {what}") for code, what in faults]
    if found.kind != MESSAGES:
        changes.append(("DT110", f"wrote messages for {found.kind}"))
    return found


def _messages(found: Read, changes: list[Fault]) -> Messages:
    if not isinstance(found.messages, list):
        raise _Hopeless("DT301", kind_of(found.messages))
    faults = [fault for place, one in enumerate(found.messages, 1) for fault in message_faults(one, place)]
    for code, what in faults:
        if code not in HARMLESS:
            raise _Hopeless(code, what)
    changes += [(code, f"dropped the key: {what}") for code, what in faults]
    messages = [{"role": one["role"], "content": one["content"]} for one in found.messages]
    strange = next((one["role"] for one in messages if one["role"] not in ROLES), None)
    if strange is not None:
        raise _Hopeless("DT403", f"role {strange!r}")
    return messages


def _system_first(messages: Messages, changes: list[Fault]) -> Messages:
    places = [place for place, message in enumerate(messages) if message["role"] == "system"]
    if len(places) != 1 or places == [0]:
        return messages
    changes.append(("DT305", f"moved the system message from place {places[0] + 1} to the front"))
    return [messages[places[0]], *messages[: places[0]], *messages[places[0] + 1 :]]


def _merged(messages: Messages, changes: list[Fault]) -> Messages:
    merged = []
    for role, group in groupby(messages, key=lambda message: message["role"]):
        texts = [message["content"] for message in group]
        if len(texts) > 1 and role != "system":
            changes.append(("DT304", f"merged {len(texts)} {role} messages into one"))
            texts = ["\n\n".join(texts)]
        merged += [{"role": role, "content": text} for text in texts]
    return merged


def _without_tail(messages: Messages, changes: list[Fault]) -> Messages:
    end = max(
        (place for place, message in enumerate(messages, 1) if message["role"] == "assistant"), default=0
    )
    if 0 < end < len(messages):
        changes.append(("DT306", f"cut {len(messages) - end} messages after the last answer"))
        return messages[:end]
    return messages
