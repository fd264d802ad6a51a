"""What an input or output of a job's body says: a text, a place, or a reference to another node's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from local.azureml.errors import bad_request

Json = dict[str, Any]

LITERAL = "literal"
_EXPRESSION = re.compile(r"\$\{\{\s*(?P<what>[\w.-]+)\s*\}\}")
_PARENT_INPUT = re.compile(r"parent\.inputs\.(?P<name>[\w.-]+)")
_PARENT_OUTPUT = re.compile(r"parent\.outputs\.(?P<name>[\w.-]+)")
_NODE_OUTPUT = re.compile(r"parent\.jobs\.(?P<node>[\w-]+)\.outputs\.(?P<name>[\w-]+)")


@dataclass(frozen=True)
class Given:
    """An input as it is given: its type in lower case, its text (a literal's value or a URI), its mode."""

    type: str
    text: str
    mode: str = ""


@dataclass(frozen=True)
class Wire:
    """An input that is what another node puts out; `leaf` is that node's path."""

    leaf: str
    output: str

    @property
    def key(self) -> str:
        """The name under which a job keeps this output while it runs."""
        return f"{self.leaf}:{self.output}"


def given(key: str, item: Json) -> Given:
    """Read one input; nodes spell the type `job_input_type`, jobs `jobInputType`.

    Raises:
        AzureError: 400, when it has no type or no text.

    """
    kind = str(item.get("job_input_type") or item.get("jobInputType") or "").lower()
    text = item.get("value") if kind == LITERAL else item.get("uri")
    if not kind or not isinstance(text, str):
        raise bad_request(f"Input '{key}' has no type, or no text where its type wants one.")
    return Given(kind, text, str(item.get("mode") or ""))


def text_of(item: object) -> str:
    """Return the text in which a reference may stand."""
    return str(item.get("value", item.get("uri", ""))) if isinstance(item, dict) else str(item)


def parent_input(text: str) -> str | None:
    """Return the name of the parent's input that `text` refers to."""
    return _name(_PARENT_INPUT, text)


def parent_output(text: str) -> str | None:
    """Return the name of the parent's output that `text` refers to."""
    return _name(_PARENT_OUTPUT, text)


def node_output(text: str) -> tuple[str, str] | None:
    """Return node and output that `text` refers to."""
    expression = _EXPRESSION.fullmatch(text.strip())
    match = _NODE_OUTPUT.fullmatch(expression["what"]) if expression else None
    return (match["node"], match["name"]) if match else None


def _name(pattern: re.Pattern[str], text: str) -> str | None:
    expression = _EXPRESSION.fullmatch(text.strip())
    match = pattern.fullmatch(expression["what"]) if expression else None
    return match["name"] if match else None
