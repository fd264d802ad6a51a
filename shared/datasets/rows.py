"""One line to one row: a typed decode first, and a closer look only where it fails or something is odd."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from shared.datasets.findings import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = frozenset({"system", "user", "assistant"})
COLUMNS = frozenset({"prompt", "messages", "prompt_id"})
FEWEST_MESSAGES = 2
DEEPEST = 64
TEMPLATE_TOKEN = re.compile(r"<\|[a-z_]+\|>|</?s>|\[/?INST\]|<<SYS>>")
INVISIBLE = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
ODD = re.compile(rb"<|\[|\\u|[\x00-\x1f]|\xe2\x80|\xe2\x81|\xef\xbb\xbf|\x7f")


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message of the pipeline's own format."""

    role: str
    content: str


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the pipeline's own format. prompt and prompt_id may be missing in what users write."""

    messages: list[Message]
    prompt: str | None = None
    prompt_id: str | None = None


Fault = tuple[str, str]  # code, what was found

_decode = msgspec.json.Decoder(Row).decode


def read(line: bytes) -> tuple[Row | None, list[Fault]]:
    """Decode a line; the row is None where it cannot be read at all. Faults come in the order of the row."""
    try:
        row = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _slowly(line)
    if line.count(b'"role"') != len(row.messages) or line.count(b'"content"') != len(row.messages):
        return _slowly(line)
    if line.count(b'"messages"') != 1 or line.count(b'"prompt"') > 1 or line.count(b'"prompt_id"') > 1:
        return _slowly(line)
    return row, list(conversation(row)) + (list(content(row)) if ODD.search(line) else [])


def first_question(row: Row) -> str:
    """Give the text that decides the part: the first user message, folded in case and white space."""
    text = next((m.content for m in row.messages if m.role == "user"), row.messages[0].content)
    return " ".join(text.casefold().split())


def complete(row: Row) -> Row:
    """Fill prompt and prompt_id in, always in the same way, so that every prepared row has every column."""
    prompt = row.prompt
    if prompt is None:
        prompt = next((m.content for m in row.messages if m.role == "user"), row.messages[0].content)
    prompt_id = row.prompt_id or hashlib.sha256(prompt.encode()).hexdigest()
    return Row(row.messages, prompt, prompt_id)


def conversation(row: Row) -> Iterator[Fault]:
    """Check roles, emptiness and the order of turns."""
    if len(row.messages) < FEWEST_MESSAGES:
        yield "DT302", f"{len(row.messages)} message" + ("" if len(row.messages) == 1 else "s")
        return
    for message in row.messages:
        if message.role not in ROLES:
            yield "DT403", f"role {shown(message.role, 40)!r}"
        if not message.content.strip():
            yield "DT405", f"an empty {shown(message.role, 40)} message"
    yield from _turns([message.role for message in row.messages])


def _turns(roles: list[str]) -> Iterator[Fault]:
    if "assistant" not in roles:
        yield "DT303", "no assistant message"
    if "user" not in roles:
        yield "DT308", "no user message"
    if "system" in roles[1:]:
        yield "DT305", f"a system message as number {roles.index('system', 1) + 1}"
    turns = [role for role in roles if role != "system"]
    for place, (one, other) in enumerate(itertools.pairwise(turns), 1):
        if one == other:
            yield "DT304", f"two {shown(one, 40)} messages in a row (turns {place} and {place + 1})"
            break
    if turns and turns[-1] != "assistant":
        yield "DT306", f"the last message is the {shown(turns[-1], 40)}'s"


def content(row: Row) -> Iterator[Fault]:
    """Look into texts for what breaks a chat template or hides from a reader."""
    for pattern, code in ((TEMPLATE_TOKEN, "DT501"), (INVISIBLE, "DT502")):
        for message in row.messages:
            found = pattern.search(message.content)
            if found:
                yield code, f"{found[0]!r} in a {shown(message.role, 40)} message"
                break


def _slowly(line: bytes) -> tuple[Row | None, list[Fault]]:
    """Find out what exactly is wrong with a line that the typed decode would not take."""
    try:
        text = line.decode()
    except UnicodeDecodeError as fault:
        return None, [("DT203", f"byte 0x{line[fault.start]:02x} at {fault.start + 1}")]
    twice: list[str] = []
    strange: list[str] = []
    try:
        value = json.loads(
            text, object_pairs_hook=lambda pairs: _object(pairs, twice), parse_constant=strange.append
        )
    except RecursionError:
        return None, [("DT208", "nesting too deep to read")]
    except ValueError as fault:
        return None, [("DT201", _json_fault(fault))]
    faults = [("DT205", f"{strange[0]}")] if strange else []
    faults += [("DT206", f"key {shown(twice[0], 40)!r} twice")] if twice else []
    if re.search(r"\\u[dD][89a-fA-F]", text) and not _encodable(value):
        faults.append(("DT207", "half of a surrogate pair"))
    if _depth(text) > DEEPEST:
        faults.append(("DT208", f"nesting of more than {DEEPEST} levels"))
    if faults:
        return None, faults
    return _typed(value)


def _typed(value: Any) -> tuple[Row | None, list[Fault]]:  # noqa: ANN401 - whatever JSON the line held
    if not isinstance(value, dict):
        return None, [("DT209", _kind(value))]
    faults = [("DT210", f"column {shown(key, 40)!r}") for key in value if key not in COLUMNS | {"tools"}]
    if "tools" in value:
        return None, [*faults, ("DT211", "a tools key")]
    messages = value.get("messages")
    if not isinstance(messages, list):
        found = (
            _kind(messages)
            if "messages" in value
            else "no messages, but " + (", ".join(map(repr, list(value)[:4])) or "{}")
        )
        return None, [*faults, ("DT301", found)]
    broken = [fault for place, message in enumerate(messages, 1) for fault in _message(message, place)]
    if any(code != "DT406" for code, _found in broken):
        return None, faults + broken
    prompt, prompt_id = value.get("prompt"), value.get("prompt_id")
    row = Row(
        [Message(m["role"], m["content"]) for m in messages],
        prompt if isinstance(prompt, str) else None,
        prompt_id if isinstance(prompt_id, str) else None,
    )
    return row, faults + broken + list(conversation(row)) + list(content(row))


def _message(message: Any, place: int) -> Iterator[Fault]:  # noqa: ANN401 - whatever JSON the list held
    if not isinstance(message, dict):
        yield "DT401", f"message {place} is {_kind(message)}"
        return
    if not isinstance(message.get("role"), str):
        yield "DT402", f"message {place} has {_named(message, 'role')}"
    if not isinstance(message.get("content"), str):
        yield "DT404", f"message {place} has {_named(message, 'content')}"
    for key in message:
        if key not in {"role", "content"}:
            yield "DT406", f"message {place} has a key {shown(key, 40)!r}"


def _named(message: dict[str, Any], key: str) -> str:
    return f"{_kind(message[key])} as its {key}" if key in message else f"no {key}"


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


def _encodable(value: Any) -> bool:  # noqa: ANN401
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


def _kind(value: Any) -> str:  # noqa: ANN401
    names = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")
