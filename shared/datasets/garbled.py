"""Characters that nobody sees, and text that was decoded wrongly.

Sources: Unicode 15 (default ignorable, bidirectional and tag characters), the Unicode Standard 23.2 (joiners
in Arabic and Indic scripts), UTS 51 (emoji sequences); WHATWG's Windows-1252 index, in which the five bytes
that Microsoft left open stand for themselves. Wrong decoding is proved by undoing it.
"""

from __future__ import annotations

import re
import unicodedata

# Scripts whose letters join or stack, after which U+200C and U+200D change how a word is written.
_JOINED = (
    "\u0600-\u07ff\u0860-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1800-\u18af\ufb50-\ufdff\ufe70-\ufefc"
)
_EMOJI = "\u00a9\u00ae\u2190-\u2bff\ufe0f\U0001f000-\U0001faff\U000e007f"
_NEVER = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u115f\u1160\u180e\u200b\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb"
)
INVISIBLE = re.compile(
    f"[{_NEVER}]|(?<![{_JOINED}])\u200c|(?<![{_JOINED}{_EMOJI}])\u200d"
    "|(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0001-\U000e007f]"
)
_PERHAPS = re.compile(f"[{_NEVER}\u200c\u200d\U000e0001-\U000e007f\u061c\u200e\u200f\u2028\u2029]")
MARKS = re.compile("[\u061c\u200e\u200f\u2028\u2029]")
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")

_WINDOWS = ((bytes([byte]).decode("cp1252", "ignore"), byte) for byte in range(0x80, 0xA0))
BYTE = {code: code for code in range(0x80, 0x100)} | {ord(sign): byte for sign, byte in _WINDOWS if sign}
_NEXT = "[" + "".join(chr(code) for code, byte in BYTE.items() if byte in range(0x80, 0xC0)) + "]"
# One pair or triple is proof for Western letters, punctuation and emoji; of other scripts it takes a few.
MOJIBAKE = re.compile(
    f"[\u00c2-\u00c5]{_NEXT}|[\u00e2\u00ef]{_NEXT}{{2}}|\u00f0{_NEXT}{{3}}"
    f"|(?:[\u00c6-\u00df]{_NEXT}){{3}}|(?:[\u00e0-\u00ef]{_NEXT}{{2}}){{2}}"
)
# Capitals before a closing sign, as in the Portuguese for "tomorrow" between quotes, are no proof.
_CAPITAL = re.compile("[\u00c2-\u00c5][\u2018-\u201e\u2013\u2014\u2026\u203a\u00ab\u00bb\u00a0]")

_RAW = (
    rb"(?:\xc2[\x80-\xbf]|\xc5[\x92\x93\xa0\xa1\xb8\xbd\xbe]|\xc6\x92|\xcb[\x86\x9c]"
    rb"|\xe2(?:\x80[\x90-\xba]|\x82\xac|\x84\xa2))"
)
_SPELT = rb"\\u(?:00[89ab]|015[23]|016[01]|017[8de]|0192|02c6|02dc|20[123a]|2122)[0-9a-f]?"
_THEN = b"(?:" + _RAW + b"|" + _SPELT + b")"
RAW_QUICK = (
    rb"\x7f|\xc2[\x80-\x9f\xad]|\xcd\x8f|\xd8\x9c|\xe1(?:\x85[\x9f\xa0]|\xa0\x8e)"
    rb"|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xe3\x85\xa4|\xef\xbb\xbf|\xef\xbe\xa0|\xef\xbf[\xb9-\xbb]|\xf3\xa0[\x80\x81]"
)
SPELT_QUICK = (
    rb"(?i:\\u(?:00(?:[0189]|7f|ad)|034f|061c|11(?:5f|60)|180e|20(?:0[b-f]|2[89a-e]|6)|3164|feff))",
    rb"(?i:\\uff(?:a0|f[9ab]))",
    rb"(?i:\\udb40\\udc[0-7])",
    rb"\\[bf]",
)
MOJIBAKE_QUICK = (
    rb"\xef\xbf\xbd|\\u(?i:fffd)",
    rb"(?i:(?:\xc3[\x82-\x85]|\\u00c[2-5]|(?:\xc3[\xa2\xaf\xb0]|\\u00(?:e[2f]|f0))"
    + _THEN
    + b")"
    + _THEN
    + b")",
    rb"(?i:(?:(?:\xc3[\x86-\x9f]|\\u00(?:c[6-9a-f]|d[0-9a-f]))"
    + _THEN
    + rb"){3}|(?:(?:\xc3[\xa0-\xaf]|\\u00e[0-9a-f])"
    + _THEN
    + rb"{2}){2})",
)


def invisible(text: str) -> str:
    """Name the first character that nobody sees."""
    if not _PERHAPS.search(text):  # one class of signs is found far sooner than what stands around them
        return ""
    found = INVISIBLE.search(text) or (None if RIGHT_TO_LEFT.search(text) else MARKS.search(text))
    if not found:
        return ""
    name = unicodedata.name(found[0], "").lower()
    return f"U+{ord(found[0]):04X}" + (f" ({name})" if name else "")


def mojibake(text: str) -> str:
    """Show the first place that was decoded wrongly, and what it meant."""
    if text.isascii():
        return ""
    if "\ufffd" in text:
        return "U+FFFD, the mark of a lost character,"
    for found in MOJIBAKE.finditer(text):
        before = text[found.start() - 1] if found.start() else ""
        meant = undone(found[0])
        if meant and not (_CAPITAL.match(found[0]) and before.isupper()):
            return f"{found[0]!r} for {meant!r}"
    return ""


def undone(text: str) -> str:
    """Undo the wrong decoding; "" where the text was never wrong."""
    try:
        meant = bytes(BYTE[ord(character)] for character in text).decode()
    except (KeyError, UnicodeError):
        return ""
    return "" if any("\x80" <= character < "\xa0" for character in meant) else meant
