"""JSON that readers stumble over: valid, invalid, and left open by RFC 8259, each with the code it must get.

The classes are those of the public JSON parsing suites (structure, number, string, object, encoding); the
cases are this project's own. None holds a line feed: such a case would be two rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.datasets.hostile_faults import HALVES, NOT_JSON, NOT_NUMBERS, NOT_UTF8, TOO_DEEP, TOO_LARGE, TWICE

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT, BLANK, OBJECT, OTHER = "a text", "a blank text", "an object", "another value"
AS_CONTENT = {TEXT: "", BLANK: "DT405", OBJECT: "DT404", OTHER: "DT404"}


@dataclass(frozen=True)
class Case:
    """One value, or what should have been one. verdict: y valid, n invalid, i left open by the standard.

    row: the code when it stands alone on a line; content: the code when it is a message's content; "" none,
    None where it is not used so.
    """

    verdict: str
    name: str
    data: bytes
    row: str | None
    content: str | None


def _valid(kind: str, verdict: str, cases: Mapping[str, bytes | str]) -> list[Case]:
    row = "DT301" if kind == OBJECT else "DT209"
    return [Case(verdict, name, _bytes(data), row, AS_CONTENT[kind]) for name, data in cases.items()]


def _faulty(code: str, verdict: str, cases: Mapping[str, bytes | str]) -> list[Case]:
    return [Case(verdict, name, _bytes(data), code, code) for name, data in cases.items()]


def _bytes(data: bytes | str) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


TEXTS = {
    "letters": '"garden"',
    "an escaped quote": r'"say \"yes\""',
    "an escaped backslash at the end": r'"C:\\"',
    "two backslashes before a quote sign": r'"a\\\"b"',
    "every short escape": r'"a\b\f\n\r\t\/\\"',
    "a slash with and without escape": r'"1/2 and 1\/2"',
    "a letter by its number": r'"\u0061b\u0063"',
    "hexadecimal digits in both cases": r'"\u00eF\u00Ef"',
    "a quote by its number": r'"a\u0022b"',
    "a NUL by its number": r'"a\u0000b"',
    "a line feed by its number": r'"a\u000ab"',
    "a line separator by its number": r'"a\u2028b"',
    "a line separator as it is": '"a\u2028b\u2029c"',
    "an escape of an escape": r'"\\u0061"',
    "what looks like half a pair behind a backslash": r'"\\ud800"',
    "a pair by its numbers": r'"\ud83c\udf31"',
    "two pairs in a row": r'"\uD834\udd1e\uDBFF\uDFFF"',
    "a pair next to a letter": r'"a\ud83c\udf31b"',
    "two bytes": '"\u00e9t\u00e9"',
    "three bytes": '"\u5ead\u5712"',
    "four bytes": '"\U0001f331 grows"',
    "a delete character": '"a\x7fb"',
    "control characters above": '"a\u0085b"',
    "a no-break space": '"a\u00a0b"',
    "a byte-order mark inside": '"a\ufeffb"',
    "a zero-width space": '"a\u200bb"',
    "combining marks": '"e\u0301 o\u0308"',
    "right to left": '"\u05d2\u05df \u202b\u05d9\u202c"',
    "brackets and braces": '"[{]}"',
    "many brackets": '"' + "[" * 500 + '"',
    "commas and colons": '"a,b:c,,"',
    "a comment inside": '"a // b /* c */ # d"',
    "a number inside": '"NaN 1e400 01"',
    "a JSON text inside": r'"{\"a\": [1, 2]}"',
    "a single quote": '"it\'s"',
    "a long text": '"' + "word " * 20_000 + '"',
    "a text full of escapes": '"' + r"\"\\" * 5_000 + '"',
    "white space around": ' \t"text"\t ',
    "a carriage return in front": '\r"text"',
}
OBJECTS = {
    "an empty object": "{}",
    "an empty key": '{"": 0}',
    "a key with escapes": r'{"a\tb": 0}',
    "keys that differ in case": '{"a": 0, "A": 0}',
    "keys that look alike": '{"a": 0, "\u0430": 0}',
    "composed and decomposed keys": '{"\u00e9": 0, "e\u0301": 0}',
    "one key at two depths": '{"a": {"a": {"a": 0}}}',
    "one key in two objects": '{"x": [{"a": 0}, {"a": 0}]}',
    "white space everywhere": ' { "a" : [ 1 , 2 ] , "b" : { } } ',
    "a key of a thousand letters": '{"' + "k" * 1000 + '": 0}',
    "a thousand keys": "{" + ", ".join(f'"{n}": {n}' for n in range(1000)) + "}",
}
OTHERS = {
    "null": "null",
    "true": "true",
    "false": "false",
    "nought": "0",
    "minus nought": "-0",
    "minus nought with a point": "-0.0",
    "an integer": "17",
    "a negative integer": "-17",
    "a fraction": "2.75",
    "noughts behind the point": "1.000",
    "an exponent": "3e2",
    "a large E": "3E2",
    "an exponent with plus": "3e+2",
    "an exponent with minus": "3.5e-2",
    "noughts in an exponent": "3e0002",
    "an exponent of nought": "0e0",
    "the largest double": "1.7976931348623157e308",
    "the smallest double": "5e-324",
    "the largest exact integer": "9007199254740993",
    "an integer of 64 bits": "18446744073709551615",
    "an empty list": "[]",
    "an empty list with a space": "[ ]",
    "a list in a list": "[[]]",
    "a list of everything": '[null, true, "a", 1.5, {}, []]',
    "a list of a thousand": "[" + ",".join(["1"] * 1000) + "]",
    "nesting of 61 levels": "[" * 61 + "]" * 61,
    "brackets that nest 61 levels, twice": "[" + "[" * 60 + "]" * 60 + "," + "[" * 60 + "]" * 60 + "]",
}
LEFT_OPEN_TEXTS = {
    "a noncharacter": '"\uffff"',
    "a noncharacter by its number": r'"\uFDD0"',
    "the last code point": '"\U0010ffff"',
    "an unassigned character": '"\U000e0fff"',
    "a private character": '"\ue000"',
}
LEFT_OPEN_OTHERS = {
    "a number too small for a double": "1e-400",
    "a hundred digits": "7" * 100,
    "a negative hundred digits": "-" + "7" * 100,
    "a fraction of a thousand digits": "0." + "3" * 1000,
    "nought with a vast exponent": "0e999999",
    "a vast negative exponent": "1e-99999999999999999999",
}
SPECIAL = [
    Case("y", "an empty text", b'""', "DT209", "DT405"),
    Case("y", "a text of white space", rb'" \t\n "', "DT209", "DT405"),
    Case("y", "64 lists", b"[" * 64 + b"]" * 64, "DT209", "DT208"),
    Case("y", "62 lists, one too many in a message", b"[" * 62 + b"]" * 62, "DT209", "DT208"),
    Case("n", "nothing", b"", "DT202", "DT201"),
    Case("n", "white space alone", b" \t ", "DT202", "DT201"),
    Case("n", "two objects", b"{} {}", "DT201", "DT201"),
    Case("n", "a pair without braces", b'"a": 1', "DT201", None),
    Case("n", "a comma behind the value", b"1,", "DT201", "DT201"),
    Case("i", "UTF-16 without its mark", '{"a": 0}'.encode("utf-16-le"), "DT203", "DT201"),
    Case("i", "UTF-16, the other way", '{"a": 0}'.encode("utf-16-be"), "DT203", "DT201"),
    Case("i", "UTF-32", '{"a": 0}'.encode("utf-32-le"), "DT203", "DT201"),
    Case("i", "an overlong form before a comma", b"[1\xc0\xac2]", "DT203", "DT203"),
]  # fmt: skip

CASES = [
    *_valid(TEXT, "y", TEXTS),
    *_valid(OBJECT, "y", OBJECTS),
    *_valid(OTHER, "y", OTHERS),
    *_valid(TEXT, "i", LEFT_OPEN_TEXTS),
    *_valid(OTHER, "i", LEFT_OPEN_OTHERS),
    *_faulty("DT201", "n", NOT_JSON),
    *_faulty("DT205", "n", NOT_NUMBERS),
    *_faulty("DT205", "i", TOO_LARGE),
    *_faulty("DT206", "i", TWICE),
    *_faulty("DT207", "i", HALVES),
    *_faulty("DT203", "n", NOT_UTF8),
    *_faulty("DT208", "i", TOO_DEEP),
    *SPECIAL,
]
