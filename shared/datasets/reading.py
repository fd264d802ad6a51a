"""The careful look at one line: what it holds, in whatever format, and every fault it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.datasets.content import look
from shared.datasets.findings import kind_of, shown
from shared.datasets.formats import recognise
from shared.datasets.rows import Message, Row
from shared.datasets.strict import diagnose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.datasets.rows import Fault
    from shared.datasets.turns import Shapes

CALLS = ("tool_calls", "function_call")


@dataclass
class Line:
    """What a line holds. value: decoded JSON, None where it is none; row: None where it cannot be one.

    kind: its format, "" where it is not known.
    """

    value: Any
    row: Row | None = None
    kind: str = ""
    faults: list[Fault] = field(default_factory=list)


def read(line: bytes, shapes: Shapes) -> Line:
    """Read a line without its end."""
    value, faults = diagnose(line)
    if faults:
        return Line(None, faults=faults)
    if not isinstance(value, dict):
        return Line(value, faults=[("DT209", kind_of(value))])
    found, faults = recognise(value)
    if found is None:
        return Line(value, faults=faults)
    row, more = _row(found.messages, found.prompt, found.prompt_id)
    faults += more
    if row is not None and not row.messages:
        return Line(value, None, found.kind, [*faults, ("DT302", "0 messages")])
    if row is not None:
        faults += shapes[tuple(message.role for message in row.messages)].faults
        faults += look(row.messages)
    return Line(value, row, found.kind, faults)


def _row(messages: Any, prompt: Any, prompt_id: Any) -> tuple[Row | None, list[Fault]]:  # noqa: ANN401 - any JSON
    if not isinstance(messages, list):
        return None, [("DT301", kind_of(messages))]
    faults = [fault for place, message in enumerate(messages, 1) for fault in message_faults(message, place)]
    if any(code in {"DT401", "DT402", "DT404", "DT407"} for code, _found in faults):
        return None, faults
    return Row(
        [Message(m["role"], m["content"]) for m in messages],
        prompt if isinstance(prompt, str) else None,
        prompt_id if isinstance(prompt_id, str) else None,
    ), faults


def message_faults(message: Any, place: int) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
    """Check one message by itself; place: its number in the row, from 1."""
    if not isinstance(message, dict):
        yield "DT401", f"message {place} is {kind_of(message)}"
        return
    calls = [key for key in CALLS if message.get(key)]
    yield from (("DT407", f"message {place} has a {key}") for key in calls)
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str):
        yield "DT402", f"message {place} has {_named(message, 'role')}"
    if not isinstance(content, str) and not calls:
        yield "DT404", f"message {place} has {_named(message, 'content')}"
    if isinstance(content, str) and not content.strip():
        yield "DT405", f"message {place} ({shown(str(role), 40)}) is empty"
    yield from _keys(message, place)


def _keys(message: dict[str, Any], place: int) -> Iterator[Fault]:
    for key, value in message.items():
        if key == "weight" and value != 1:
            yield "DT408", f"message {place} has the weight {shown(str(value), 20)}"
        elif key not in {"role", "content"} and not (key in CALLS and value):
            yield "DT406", f"message {place} has a key {shown(key, 40)!r}"


def _named(message: dict[str, Any], key: str) -> str:
    return f"{kind_of(message[key])} as its {key}" if key in message else f"no {key}"
