"""Words for what is no JSON: each function knows what was wanted at a place and looks at what stands there.

All take time in proportion to the text, and are called once a text.
"""

from __future__ import annotations

import unicodedata

from shared.datasets.findings import shown
from shared.datasets.lexemes import VALUE, WORD, matched

PYTHONS = {"True": "true", "False": "false", "None": "null"}
CURLY = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f"
NAMES = {
    "": "the line ends",
    "[": "a list",
    "{": "an object",
    "'": "a single quote",
    '"': "a text",
    ",": "a comma",
    ":": "a colon",
    ";": "a semicolon",
    "/": "a comment",
    "#": "a comment",
    "\0": "a NUL byte",
    "\t": "a tab",
    "\r": "a carriage return",
    "\ufeff": "a byte-order mark",
} | dict.fromkeys(CURLY, "a typographic quote")
MOST_WORD = 24


class Broken(Exception):
    """No JSON from here on: what was found, and its place from 0."""


def about_value(text: str, place: int, comma: int, begun: int) -> Broken:
    """Say what stands where a value is wanted.

    comma: the place of the last one that parted items; begun: of what is open here, else -1.
    """
    sign = text[place : place + 1]
    if sign in {"]", "}"} and _follows(text, place, comma):
        return Broken("a comma after the last item", comma)
    return _instead(text, place, "a value", begun)


def about_key(text: str, place: int, comma: int, key: int, begun: int) -> Broken:
    """Say what stands where a key is wanted, or behind one that starts at `key`."""
    if key < place:
        return _instead(text, place, "a colon after a key", begun)
    if text[place : place + 1] == "}" and _follows(text, place, comma):
        return Broken("a comma after the last item", comma)
    word = matched(WORD, text, place)
    if word and word[0] not in CURLY and word.isprintable():
        return Broken(f"a key without double quotes, {shown(word, MOST_WORD)!r},", place)
    return _instead(text, place, "a key in double quotes", begun)


def about_text(text: str, begun: int, end: int) -> Broken:
    """Say what ends a text before its quote. end: the first character that does not belong into it."""
    if end >= len(text) or text[end:] == "\\":
        return Broken("the line ends inside a text, which begins", begun)
    sign = text[end]
    if sign != "\\":
        return Broken(f"{named(sign)} inside a text, where it must be written as an escape,", end)
    if text[end + 1] == "u":
        return Broken("\\u without four hexadecimal digits", end)
    return Broken(f"a backslash before {named(text[end + 1])}, which is no escape,", end)


def about_separator(text: str, place: int, last: int, begun: int, close: str) -> Broken:
    """Say what stands after an item. last: where that began; begun: where the list or object did."""
    if number := _number_on(text, place, last):
        return number
    if VALUE.match(text, place):
        return Broken("no comma between two items", place)
    return _instead(text, place, f"a comma or {close!r}", begun)


def about_end(text: str, place: int, last: int) -> Broken:
    """Say what stands after the end of the value. last: where its last item began."""
    if number := _number_on(text, place, last):
        return number
    if VALUE.match(text, place):
        if "\r" in text[last:place].strip(" \t")[-1:]:
            return Broken("a carriage return alone, which ends no line; a second value begins", place)
        return Broken("two values on one line; the second begins", place)
    return Broken(f"{named(text[place])} after the end of the value", place)


def named(sign: str) -> str:
    """Name a character for people."""
    if sign in NAMES:
        return NAMES[sign]
    if sign.isprintable() and not sign.isspace():
        return repr(sign)
    return f"U+{ord(sign):04X} ({unicodedata.name(sign, 'a control character').lower()})"


def _follows(text: str, place: int, comma: int) -> bool:
    return text[comma : comma + 1] == "," and not text[comma + 1 : place].strip()


def _number_on(text: str, place: int, last: int) -> Broken | None:
    """Show a number that goes on where JSON's has ended, as 01, 1., 0x1F and 1_000 do."""
    word = matched(WORD, text, last)
    if word.strip("-")[:1].isdecimal() and text[place - 1].isdecimal() and last < place < last + len(word):
        return Broken(f"{shown(word, MOST_WORD)!r}, which JSON does not take for a number,", last)
    return None


def _instead(text: str, place: int, wanted: str, begun: int) -> Broken:
    sign = text[place : place + 1]
    if not sign and begun >= 0:
        return Broken(f"the line ends inside {NAMES[text[begun]]}, which begins", begun)
    if sign == "'" or (sign and sign in CURLY):
        return Broken(f"{named(sign)} where a double quote is wanted", place)
    word = matched(WORD, text, place)
    if word in PYTHONS:
        return Broken(f"{word}, which JSON writes {PYTHONS[word]},", place)
    whole = len(word) > 1 and word.isprintable()
    return Broken(f"{repr(shown(word, MOST_WORD)) if whole else named(sign)} where {wanted} is wanted", place)
