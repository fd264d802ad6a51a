"""A line's JSON value, or every fault of form it has. RFC 8259, and stricter where readers disagree.

Stricter: a key twice in one object, half of a surrogate pair, nesting above DEEPEST, and a number that no
double holds, be it an integer. Right lines are read by the json module; a line in doubt is read again by
grammar.py, which says what is wrong and where. Both take time in proportion to the line.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from typing import TYPE_CHECKING, Any

from shared.datasets.encodings import decoded
from shared.datasets.grammar import DEEPEST, faults_of
from shared.datasets.lexemes import SAFE_DIGITS

if TYPE_CHECKING:
    from shared.datasets.rows import Fault

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_TEXTS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[^"\[\]{}]++', re.DOTALL)
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


class _InDoubt(ValueError):
    """The line needs the careful reader."""


def diagnose(line: bytes) -> tuple[Any, list[Fault]]:
    """Give the value of one line, without its end; with faults the value is None.

    Of each code the first place is told. Nothing is told of what follows a DT201 or DT208.
    """
    text, faults = decoded(line)
    if faults:
        return None, faults
    try:
        if _deep(text):
            raise _InDoubt("deep")
        value = _DECODER.decode(text)
        faults = faults_of(text) if _HALF.search(text) else []
    except ValueError as doubt:
        value, faults = None, faults_of(text) or [("DT201", str(doubt))]
    return (None if faults else value), faults


def _deep(text: str) -> bool:
    """Tell whether brackets outside of texts nest deeper than is allowed."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    steps = map(_STEPS.__getitem__, _TEXTS.sub("", text))
    return max(itertools.accumulate(steps), default=0) > DEEPEST


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _InDoubt("a key twice")
    return made


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _InDoubt("a number too large")
    return value


def _int(digits: str) -> int:
    if len(digits) > SAFE_DIGITS:
        _float(digits)
    return int(digits)


def _constant(name: str) -> float:
    raise _InDoubt(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)
