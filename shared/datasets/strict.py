"""A line's JSON value, or every fault of form it has. RFC 8259, and stricter where readers disagree."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from shared.datasets.findings import shown

if TYPE_CHECKING:
    from shared.datasets.rows import Fault

DEEPEST = 64


def diagnose(line: bytes) -> tuple[Any, list[Fault]]:
    """Give the value of one line, without its end; with faults the value is None."""
    try:
        text = line.decode()
    except UnicodeDecodeError as fault:
        return None, [("DT203", f"byte 0x{line[fault.start]:02x} at {fault.start + 1}")]
    if _depth(text) > DEEPEST:
        return None, [("DT208", f"nesting of more than {DEEPEST} levels")]
    twice: list[str] = []
    strange: list[str] = []
    try:
        value = json.loads(
            text, object_pairs_hook=lambda pairs: _object(pairs, twice), parse_constant=strange.append
        )
    except ValueError as fault:
        return None, [("DT201", _json_fault(fault))]
    faults = [("DT205", f"{strange[0]}")] if strange else []
    faults += [("DT206", f"key {shown(twice[0], 40)!r} twice")] if twice else []
    if re.search(r"\\u[dD][89a-fA-F]", text) and not _encodable(value):
        faults.append(("DT207", "half of a surrogate pair"))
    return (None if faults else value), faults


def _object(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _value in pairs]
        twice.append(next(key for key in keys if keys.count(key) > 1))
    return made


def _json_fault(fault: ValueError) -> str:
    if isinstance(fault, json.JSONDecodeError):
        return f"{fault.msg} at character {fault.colno}"
    return str(fault)


def _encodable(value: Any) -> bool:  # noqa: ANN401 - any JSON
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _depth(text: str) -> int:
    """Find the deepest nesting; brackets inside texts do not count."""
    deepest = depth = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
    return deepest
