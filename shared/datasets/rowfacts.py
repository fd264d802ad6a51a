"""What of a row decides what Azure ML's preprocessing does with it (foretell.py says what that is)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from shared.datasets.learnt import Search, Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Messages = Literal["missing", "null", "empty", "one", "two", "many", "not an object"]
Tools = Literal["no key", "no value", "value", "unusable"]
Content = Literal["text", "null", "not text", "not messages"]
System = Literal["none", "first", "late", "without a user", "unmergeable"]
LENGTHS: tuple[Messages, Messages] = ("one", "two")
# A message as Search sees it: its role's marker, then something to learn or not.
ROLES = {"assistant": 1, "user": 2}
BY_ROLE = Search([1], [2])


@dataclass(frozen=True)
class RowFacts:
    """What decides a row's fate. messages "missing": no such key; "not an object": the row itself is none.

    content "not messages": no list, or a list of other things than objects. system: its place, judged where
    the model knows no such role. learns: whether the order of roles leaves anything to learn.
    """

    messages: Messages
    tools: Tools = "no key"
    content: Content = "text"
    system: System = "none"
    learns: bool = True
    tokens: Tokens | None = None


def merged(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Put a system message before the first question, as Azure ML does for a model without that role.

    Chats in which it would fail are given as they are.
    """
    roles = [message.get("role") for message in messages]
    if not messages or _system(messages, roles) != "first":
        return list(messages)
    system, *rest = messages
    place = roles.index("user") - 1
    rest[place] = {**rest[place], "content": f"{system['content']}\n\n{rest[place]['content']}"}
    return rest


def facts_of(row: Any, tokens: Tokens | None = None) -> RowFacts:  # noqa: ANN401 - whatever JSON holds
    """Tell what decides a decoded row's fate. tokens: of its messages, where they were counted."""
    if not isinstance(row, dict):
        return RowFacts("not an object")
    tools = _tools(row)
    messages = row.get("messages")
    if messages is None:
        return RowFacts("null" if "messages" in row else "missing", tools)
    if messages in ([], {}, ""):
        return RowFacts("empty", tools)
    if not isinstance(messages, list):
        return RowFacts("many", tools, "not messages")
    length: Messages = "many" if len(messages) > len(LENGTHS) else LENGTHS[len(messages) - 1]
    if not all(isinstance(message, dict) for message in messages):
        return RowFacts(length, tools, "not messages")
    roles = [message.get("role") for message in messages]
    return RowFacts(length, tools, _content(messages), _system(messages, roles), learns(roles), tokens)


def countable(facts: RowFacts) -> bool:
    """Tell whether a row's chat comes as far as the chat template."""
    return facts.messages in {"two", "many"} and facts.content != "not messages"


def learns(roles: Sequence[Any]) -> bool:
    """Tell whether an order of roles leaves anything to learn, as long as nothing is cut."""
    ids = [one for role in roles for one in (ROLES.get(role, 3) if isinstance(role, str) else 3, 0)]
    return any(BY_ROLE.learnt(ids))


def _tools(row: Mapping[str, Any]) -> Tools:
    tools = row.get("tools")
    if "tools" not in row:
        return "no key"
    if tools is None or (isinstance(tools, (str, list, dict)) and not tools):
        return "no value"
    usable = isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)
    return "value" if usable else "unusable"


def _content(messages: Sequence[Mapping[str, Any]]) -> Content:
    contents = [message.get("content") for message in messages]
    if None in contents:
        return "null"
    return "text" if all(isinstance(content, str) for content in contents) else "not text"


def _system(messages: Sequence[Mapping[str, Any]], roles: list[Any]) -> System:
    if "system" in roles[1:]:
        return "late"
    if roles[0] != "system":
        return "none"
    if "user" not in roles:
        return "without a user"
    texts = (messages[0].get("content"), messages[roles.index("user")].get("content"))
    return "first" if all(isinstance(text, str) for text in texts) else "unmergeable"
