"""The tokens of JSON (RFC 8259) as patterns: possessive throughout, so that none of them ever goes back."""

from __future__ import annotations

import re

SAFE_DIGITS = 200  # with an exponent of two digits at most, so many digits are finite as a double

_WS = r"[ \t\n\r]*+"
_HEX = "[0-9a-fA-F]"
_PLAIN = r'[^"\\\x00-\x1f]++|\\["\\/bfnrt]'
_CHARACTER = rf"\\u(?:[0-9abcefABCEF]{_HEX}|[dD][0-7]){_HEX}{{2}}"
_PAIR = rf"\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}"
_WHOLE = rf'"(?:{_PLAIN}|{_CHARACTER}|{_PAIR})*+'
_SAFE = rf"-?(?:0|[1-9][0-9]{{0,{SAFE_DIGITS}}}+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]{{1,2}}+)?+(?![0-9.eE])"
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
_ATOM = rf'(?:{_WHOLE}"|{_SAFE}|true|false|null)'
_LIST = rf"\[{_WS}(?:{_ATOM}{_WS}(?:,{_WS}(?!\])|(?=\])))*+\]"
_PAIRS = rf'\{{{_WS}(?:{_WHOLE}"{_WS}:{_WS}{_ATOM}{_WS})?+\}}'  # one at most: a second may be the first again
_END = rf"{_WS}(?P<closing>(?:[\]}}]{_WS})*+)(?P<comma>,?)"

SPACE = re.compile(_WS)
STEP = re.compile(
    rf"{_WS}(?P<lists>(?:\[{_WS})*+)(?:(?P<atom>{_ATOM})|(?P<number>{_NUMBER})|(?P<object>\{{))?+{_END}"
)
END = re.compile(_END)
KEY = re.compile(rf'{_WS}({_WHOLE}"){_WS}:')
ITEMS = re.compile(rf"(?:{_WS}(?:{_ATOM}|{_LIST}|{_PAIRS}){_WS},)++")
VALUE = re.compile(rf'"|[\[{{]|{_NUMBER}|true|false|null')
WHOLE = re.compile(_WHOLE)  # a text up to its last quote, or to what does not belong into one
HALVES = re.compile(rf'"(?:{_PLAIN}|\\u{_HEX}{{4}})*+')  # the same, halves of surrogate pairs let through
NOT_FINITE = re.compile(r"(?ai)[+-]?(?:nan|inf(?:inity)?)(?![\w.+-])")
WORD = re.compile(r"[^\s,;\[\]{}:\"'/#\x00-\x1f]{1,40}")


def matched(pattern: re.Pattern[str], text: str, place: int) -> str:
    """Give what a pattern matches at a place, or nothing."""
    found = pattern.match(text, place)
    return found[0] if found else ""
