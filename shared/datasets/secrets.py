"""Secrets in texts: rules of detect-secrets' kind (secret_kinds.py), and what makes a value none.

A value that says it is an example is none; four letters say so only at the beginning of a word, since chance
writes them too.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from shared.datasets.secret_kinds import NEAR, RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.datasets.secret_kinds import Rule

EXAMPLE = re.compile(
    r"(?i)example|sample|dummy|fake(?:key|token|secret|pass)|placeholder|change_?me|redacted|removed|test_?key"
    r"|secret_?key|insert|x{6,}|(?:\A|[^A-Za-z0-9])(?:your|fake|x{4,})|\*{3,}|\.{3,}|<"
    r"|^[%$](?:[({]|[A-Za-z_]{4,})|%s(?![A-Za-z0-9])|0?123456|abcdef|(?:password|secret|token)\Z"
    r"|(?:\A|[^A-Za-z0-9])(?:pass|pwd)\Z|(.)\1{5}"
)
# Bits a character, of what was given to a password: repeated letters lie below, random text above. Ten random
# letters and digits have 2.8 or more in 98 of 100 cases; 3.0 would let one in seven go.
LEAST_ENTROPY = 2.8
WORDS = re.compile(r"[A-Za-z]+(?:[-_./](?:[A-Za-z]+|[0-9]{1,4}))*\.?")
_STEM = re.compile(r"\w+|.+")  # of a mark: the word before its sign, which many marks share


class _Kind:
    """A rule made ready."""

    def __init__(self, rule: Rule) -> None:
        self.name, self.marks, self._spelt = rule.name, rule.marks.split("|"), re.compile(rule.spelt)
        self.stems = {found[0] for found in map(_STEM.match, self.marks) if found}
        self.exact = re.compile(rule.exact, re.ASCII)

    def between(self, lower: str, size: int) -> tuple[int, int]:
        """Give between which places all matches lie in a text that lower is the lower case of."""
        if not any(stem in lower for stem in self.stems):
            return 0, 0
        # Lower case may be longer, as that of U+0130: then no place in it is one in the text.
        if not self._spelt.pattern or len(lower) != size:
            return 0, size if any(mark in lower for mark in self.marks) else 0
        places = [found.start() for found in self._spelt.finditer(lower)]
        return (max(0, places[0] - NEAR), places[-1] + NEAR) if places else (0, 0)


_KINDS = [_Kind(rule) for rule in RULES]


def secrets(text: str) -> Iterator[tuple[str, str]]:
    """Find secrets; give what each is and how it begins: at most four characters, of a password none."""
    lower = text.lower()
    for kind in _KINDS:
        for found in kind.exact.finditer(text, *kind.between(lower, len(text))):
            parts = found.groupdict()
            if "random" in parts and text.startswith("(", found.end()):
                continue  # a call, as base64.b16encode(...), is code that fetches or makes the value
            if _is_secret(found[0], parts):
                yield kind.name, "" if {"value", "random", "material"} & parts.keys() else found[0][:4]
                break


def _is_secret(whole: str, parts: dict[str, str]) -> bool:
    value = parts.get("value") or parts.get("random") or parts.get("material") or whole
    if EXAMPLE.search(value):
        return False
    if "random" in parts or "material" in parts:
        return entropy(value) >= LEAST_ENTROPY and _mixed(value)
    return "header" not in parts or _is_header(parts["header"])


def _mixed(value: str) -> bool:
    """Tell a generated value from words and paths: it holds digits and letters, in no order that reads."""
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and not WORDS.fullmatch(value)


def _is_header(text: str) -> bool:
    """Decode the first part of a JSON web token (RFC 7519): an object that names its algorithm."""
    try:
        header = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def entropy(value: str) -> float:
    """Shannon's entropy of a text's characters, in bits a character."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values()) if total else 0.0
