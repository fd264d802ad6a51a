r"""Where a block of JSON lines deserves a closer look: all patterns in one pass over the raw bytes.

A hit is a suspicion of one check; content.py decides on the decoded text. There must be one wherever
content.py would find something, however JSON writes it: a slash as `\/`, any character as `\uXXXX`. So every
ASCII sign written by its number is a suspicion of all, and every pattern allows for the rest.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.datasets.content import TAGS

if TYPE_CHECKING:
    from collections.abc import Callable

Hit = tuple[int, str]  # where it ends; the code suspected, ANY for all

ANY = ""
# Before a word: no letter or digit, or the escape that stands for one that is none.
_EDGE = rb"(?:[^0-9A-Za-z_]|\\[nrtbf]|\\u[0-9A-Fa-f]{4})"
_AFTER = rb'"(?:content|value|output|completion)"\s*:\s*"(?:\s|\\[nrt]|\\u00[01][0-9a-f])*'
_QUOTE = rb"(?:'|\xe2\x80\x99|\\u2019)?"
# What follows the first byte of a wrongly decoded character: U+0080 to U+00BF, or Windows-1252's own signs.
_RAW = rb"(?:\xc2[\x80-\xbf]|\xc5[\x92\x93\xa0\xa1\xb8\xbd\xbe]|\xc6\x92|\xcb[\x86\x9c]|\xe2[\x80\x82\x84])"
_ESCAPED = rb"\\u(?:00[89ab]|01[5679]|02[cd]|20[123a]|2122)"
_GIVEN = rb"[a-z0-9_]{0,20}[\\\"']{0,2}\s{0,3}(?:\\[nt])?[:=]"
_SORRY = rb"(?:sorry|apolog|can|am unable|am not able|won)"
CASED = [
    (ANY, rb"\\u00[2-7]"),
    (
        "DT501",
        rb"<\||<\\?/?s>|\[(?:\\?/)?INST\]|<<(?:\\?/)?SYS|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>",
    ),
    ("DT502", rb"\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf|\x7f|\xc2[\x80-\x9f]|\\[bf]"),
    ("DT503", rb"A(?:KIA|SIA|BIA|CCA)[0-9A-Z]{8}|gh[pousr]_[A-Za-z0-9]{8}|github_pat_|glpat-|xox[abeoprs]-"),
    ("DT503", rb"[rs]k_(?:live|test)_|pypi-AgE|AIza[0-9A-Za-z_-]{8}|[0-9]:AA[A-Za-z0-9_-]{8}|PRIVATE KEY"),
    ("DT503", rb"(?:Account|SharedAccess)Key=|sig=[A-Za-z0-9%+\\/=]{8}|hooks\.slack"),
    ("DT503", _EDGE + rb"(?:sk-|hf_|npm_)[A-Za-z0-9_-]{16}"),
    ("DT503", _EDGE + rb"(?:SG\.|eyJ)[A-Za-z0-9_-]{8}"),
    ("DT503", rb":(?:\\?/){2}[^\s:/@\"]{1,64}:[^\s:/@\"]{3,80}@"),
    ("DT504", rb"[A-Za-z0-9_+.-]@[A-Za-z0-9-]{1,63}\."),
    ("DT504", rb"[0-9]{3}-[0-9]{3}-[0-9]{4}|[0-9]{3}\.[0-9]{3}\.[0-9]{4}|\([0-9]{3}\) ?[0-9]{3}-[0-9]{4}"),
    ("DT504", rb"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{4}-[0-9]{4}-[0-9]{4}|[0-9]{4} [0-9]{4} [0-9]{4}"),
    (
        "DT504",
        rb"[0-9]{4}-[0-9]{6}-|3[47][0-9]{2} [0-9]{6} [0-9]{5}|[A-Z]{2}[0-9]{2} [A-Z0-9]{4} [A-Z0-9]{4}",
    ),
    ("DT504", rb"\+[1-9](?:[ .()-]{0,3}[0-9]){6}"),
    ("DT505", rb"\xc3[\x82-\xaf]" + _RAW + rb"|\xef\xbf\xbd"),
    ("DT506", rb"&(?:[a-z]{2,6}|#x?[0-9a-f]{2,5});"),
]
_SPACE = rb"(?:\s|\\[nrt])*"
_NOTHING = (
    rb"n\\?/a|todo|tbd|tba|fixme|(?:na|null|nan|undefined|asdf\w*)" + _SPACE + rb"[.!]?" + _SPACE + rb"\""
)
CASELESS = [
    ("DT502", rb"\\u(?:00[01]|007f|00[89]|200[b-f]|202[a-e]|206|feff)"),
    ("DT503", rb"(?:(?:api|access)[_ -]?key|secret|passwo?r?d|pwd|(?:auth|access)[_ -]?token)" + _GIVEN),
    ("DT505", rb"\\ufffd|\\u00[c-e][0-9a-f]" + _ESCAPED),
    ("DT506", rb"<(?:\\?/)?(?:" + TAGS.encode() + rb")[\s\\/>]"),
    ("DT507", _AFTER + rb"(?:(?:i" + _QUOTE + rb"m|i am|i) (?:really |very |so )?" + _SORRY + rb")"),
    ("DT507", _AFTER + rb"(?:sorry|as an? (?:ai|art|lan|lar))"),
    ("DT508", _AFTER + rb"(?:" + _NOTHING + rb"|lorem|\.\.|\xe2\x80\xa6|\\u2026|answer (?:goes )?here)"),
    ("DT508", _AFTER + rb"\[?(?:insert|your|enter|add) (?:your |the )?(?:answer|response|text|reply)"),
]
LONG_NUMBER = re.compile(_EDGE + rb"(?:[0-9]{13}|[A-Z]{2}[0-9]{2}[A-Z0-9]{11})")
FROM_0_TO_Z, ALL_FOUR = np.uint8(43), np.uint32(0x01010101)


class Scanner:
    """Finds lines worth a closer look. engine: hyperscan where it is installed, else the slower `re`."""

    def __init__(self, engine: str | None = None) -> None:
        self.engine, self._scan = _compiled(engine)

    def hits(self, block: bytes) -> list[Hit]:
        """Give every suspicious place."""
        return [*self._scan(block), *_long_numbers(block)]


def _long_numbers(block: bytes) -> list[Hit]:
    """Find numbers of 13 digits and more, and IBANs without spaces, outside longer words.

    Such a run covers two whole words of four bytes, wherever it begins: cheaper to ask than any pattern.
    """
    octets = np.frombuffer(block, np.uint8)
    sign = (octets - np.uint8(ord("0"))) < FROM_0_TO_Z
    words = sign[: len(sign) // 4 * 4].view(np.uint32) == ALL_FOUR
    places = np.flatnonzero(words[:-1] & words[1:]).tolist()
    found = (LONG_NUMBER.search(block, max(0, 4 * place - 16), 4 * place + 32) for place in places)
    return [(one.end(), "DT504") for one in found if one]


@cache
def _compiled(engine: str | None) -> tuple[str, Callable[[bytes], list[Hit]]]:
    if engine != "re":
        try:
            return "hyperscan", _hyperscan()
        except ImportError:
            pass
    cased = b"|".join(pattern for _code, pattern in CASED)
    pattern = re.compile(cased + b"|(?i:" + b"|".join(pattern for _code, pattern in CASELESS) + b")")
    return "re", lambda block: [(found.end(), ANY) for found in pattern.finditer(block)]


def _hyperscan() -> Callable[[bytes], list[Hit]]:
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    rules = [*CASED, *CASELESS]
    flags = [0] * len(CASED) + [hyperscan.HS_FLAG_CASELESS] * len(CASELESS)
    database.compile([pattern for _code, pattern in rules], list(range(len(rules))), len(rules), flags)

    def scan(block: bytes) -> list[Hit]:
        hits: list[Hit] = []

        def on_match(rule: int, _begin: int, end: int, _flags: int, _context: Any) -> None:  # noqa: ANN401 - its API
            hits.append((end, rules[rule][0]))

        database.scan(block, match_event_handler=on_match)
        return hits

    return scan
