"""MLflow's search language for runs: conditions joined by AND, and the order of what is found.

Source: MLflow's page "Search Runs". OR is not in it, neither here nor on Azure.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from local.azureml.mlflow_errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

_KINDS = {"tag": "tags", "param": "params", "parameter": "params", "metric": "metrics", "attribute": "info"}
_KINDS |= {"attr": "info", "run": "info"} | {f"{kind}s": place for kind, place in _KINDS.items()}
_CONDITION = re.compile(
    r"""\s*(?:(?P<kind>[a-z]+)\.)?(?P<quoted>[`"]?)(?P<key>[\w./ -]+?)(?P=quoted)"""
    r"""\s*(?P<op>!=|>=|<=|=|>|<|\bi?like\b)\s*"""
    r"""(?:'(?P<one>[^']*)'|"(?P<two>[^"]*)"|(?P<number>[-+]?[\d.]+(?:e[-+]?\d+)?))\s*""",
    re.IGNORECASE,
)
_AND = re.compile(r"and\b\s*", re.IGNORECASE)
_ORDER = re.compile(
    r"\s*(?:(?P<kind>[a-z]+)\.)?(?P<quoted>[`\"]?)(?P<key>[\w./ -]+?)(?P=quoted)(?:\s+(?P<way>asc|desc))?\s*",
    re.IGNORECASE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_ATTRIBUTES = ("run_id", "run_name", "status", "start_time", "end_time", "user_id", "artifact_uri")
_NAMES = {"created": "start_time", "Created": "start_time", "run name": "run_name", "Run name": "run_name"}


@dataclass(frozen=True)
class Condition:
    """One comparison: where to look, for what, how, with which value."""

    place: str
    key: str
    op: str
    value: str

    def holds(self, run: Json) -> bool:
        """Tell whether the run meets it; what a run does not have meets nothing but `!=`."""
        found = value_of(run, self.place, self.key)
        if self.op in ("=", "!="):
            return _same(found, self.value) == (self.op == "=")
        if found is None:
            return False
        if self.op in _COMPARE:
            return _COMPARE[self.op](float(found), float(self.value))
        pattern, text = self.value.replace("%", "*").replace("_", "?"), str(found)
        return (
            fnmatchcase(text.lower(), pattern.lower()) if self.op == "ilike" else fnmatchcase(text, pattern)
        )


def conditions(text: str) -> list[Condition]:
    """Read a filter.

    Raises:
        AzureError: 400, naming the part that can't be read.

    """
    found, at = [], 0
    while text[at:].strip():
        match = _CONDITION.match(text, at)
        place = _place(match)
        if match is None or place is None:
            raise invalid(f"Filter part '{text[at:].strip()}' is not KIND.KEY = 'VALUE', joined by AND.")
        value = next(match[name] for name in ("one", "two", "number") if match[name] is not None)
        found.append(Condition(place, _NAMES.get(match["key"], match["key"]), match["op"].lower(), value))
        joint = _AND.match(text, match.end())
        if joint is None and text[match.end() :].strip():
            raise invalid(f"Filter part '{text[match.end() :].strip()}' does not begin with AND.")
        at = joint.end() if joint else len(text)
    return found


def ordered(runs: list[Json], wishes: list[str]) -> list[Json]:
    """Return the runs in the order asked for; runs without that value come last.

    Raises:
        AzureError: 400, for an order that can't be read.

    """
    for wish in reversed(wishes):
        match = _ORDER.fullmatch(wish)
        place = _place(match)
        if match is None or place is None:
            raise invalid(f"Order '{wish}' is not KIND.KEY ASC or DESC.")
        key = _NAMES.get(match["key"], match["key"])
        have = [run for run in runs if value_of(run, place, key) is not None]
        lack = [run for run in runs if value_of(run, place, key) is None]
        down = (match["way"] or "").lower() == "desc"
        runs = sorted(have, key=lambda run: _sortable(value_of(run, place, key)), reverse=down) + lack
    return runs


def _place(match: re.Match[str] | None) -> str | None:
    """Return where a key is to be looked for; a key without a kind is an attribute's."""
    if match is None:
        return None
    if match["kind"] is None:
        return "info" if _NAMES.get(match["key"], match["key"]) in _ATTRIBUTES else None
    return _KINDS.get(match["kind"].lower())


def value_of(run: Json, place: str, key: str) -> Any:  # noqa: ANN401 - a number or a text
    """Return a run's attribute, tag, parameter or latest metric; None where it has none."""
    if place == "info":
        return run["info"].get(key)
    pairs = run["data"][place]
    return next((pair["value"] for pair in pairs if pair["key"] == key), None)


def _same(found: object, value: str) -> bool:
    if isinstance(found, int | float):
        try:
            return float(found) == float(value)
        except ValueError:
            return False
    return found is not None and str(found) == value


def _sortable(value: object) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, float(value), ""
    return 1, 0.0, str(value)
