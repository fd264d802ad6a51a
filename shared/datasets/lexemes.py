"""The tokens of JSON (RFC 8259) as patterns: possessive throughout, so that none of them ever goes back."""

from __future__ import annotations

import re
from functools import cache

SAFE_DIGITS = 200  # with an exponent of two digits at most, so many digits are finite as a double
LEVELS = 3  # of lists and objects that are passed at once; the pattern doubles with each

_WS = r"[ \t\n\r]*+"
_HEX = "[0-9a-fA-F]"
_PLAIN = r'[^"\\\x00-\x1f]++|\\["\\/bfnrt]'
_CHARACTER = rf"\\u(?:[0-9abcefABCEF]{_HEX}|[dD][0-7]){_HEX}{{2}}"
_PAIR = rf"\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}"
_WHOLE = rf'"(?:{_PLAIN}|{_CHARACTER}|{_PAIR})*+'
_HALVES = rf'"(?:{_PLAIN}|\\u{_HEX}{{4}})*+'
_SAFE = rf"-?(?:0|[1-9][0-9]{{0,{SAFE_DIGITS}}}+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]{{1,2}}+)?+(?![0-9.eE])"
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
_ANY = rf"(?:{_NUMBER}|(?:NaN|-?Infinity)(?![\w.+-]))"  # with what JavaScript and Python write
_END = rf"{_WS}(?P<closing>(?:[\]}}]{_WS})*+)(?P<comma>,?)"

SPACE = re.compile(_WS)
STEP = re.compile(
    rf"{_WS}(?P<lists>(?:\[{_WS})*+)"
    rf'(?:(?P<atom>{_WHOLE}"|{_SAFE}|true|false|null)|(?P<number>{_ANY})|(?P<object>\{{))?+{_END}'
)
END = re.compile(_END)
KEY = re.compile(rf'{_WS}({_WHOLE}"){_WS}:')
VALUE = re.compile(rf'"|[\[{{]|{_NUMBER}|true|false|null')
WHOLE = re.compile(_WHOLE)  # a text up to its last quote, or to what does not belong into one
HALVES = re.compile(_HALVES)  # the same, halves of surrogate pairs let through
NOT_FINITE = re.compile(r"(?ai)[+-]?(?:nan|inf(?:inity)?)(?![\w.+-])")
WORD = re.compile(r"[^\s,;\[\]{}:\"'/#\x00-\x1f]{1,40}")


@cache
def items(*, halves: bool, numbers: bool) -> re.Pattern[str]:
    """Give the pattern of items that need no look, each with its comma; among them small lists and objects.

    No object has two keys, which may be the same. halves, numbers: whether halves of surrogate pairs and
    numbers that are none need no look either, as one has been told already.
    """
    text = rf'{_HALVES if halves else _WHOLE}"'
    item = atom = rf"{text}|{_ANY if numbers else _SAFE}|true|false|null"
    for _level in range(LEVELS):
        listed = rf"\[{_WS}(?:(?:{item}){_WS}(?:,{_WS}(?!\])|(?=\])))*+\]"
        item = rf"{atom}|{listed}|\{{{_WS}(?:{text}{_WS}:{_WS}(?:{item}){_WS})?+\}}"
    return re.compile(rf"(?:{_WS}(?:{item}){_WS},)++")


def matched(pattern: re.Pattern[str], text: str, place: int) -> str:
    """Give what a pattern matches at a place, or nothing."""
    found = pattern.match(text, place)
    return found[0] if found else ""
