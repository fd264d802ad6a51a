"""diagnose against msgspec's decode, on any bytes; its words; its time."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.datasets.grammar import DEEPEST, faults_of
from shared.datasets.strict import diagnose
from tests.datasets.hostile import CASES

STRICTER = {"DT206", "DT208"}  # besides integers that no double holds: DT205, below
SECONDS = (
    30.0  # for 8 MiB: one to four are needed, the rest is for a busy machine; the square would take days
)

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda kids: st.lists(kids) | st.dictionaries(st.text(max_size=3), kids), max_leaves=20
)
TOKENS = st.sampled_from([
    *'[]{}:,"\\/ \t\r\n\0', "0", "01", "-", "1", ".", "e", "E+", "12", "null", "true", "false", "NaN",
    "-Infinity", '"a"', '"a":', '{"a":', "\\u", "\\ud83c", "\\udf31", "d800", "1e400", "9" * 310, "9" * 4400,
    "\u00e9", "\u2028", "\ufeff", "'", "//", "[[", "]]", "},{", '"",', "\\n", "[1],", '{"b":[]},',
])  # fmt: skip
LINES = st.binary() | st.lists(TOKENS, max_size=12).map(lambda tokens: "".join(tokens).encode())


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """JSON with some bytes taken out, put in or changed."""
    data = bytearray(
        json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    )
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=2) | TOKENS.map(str.encode))
    return bytes(data)


def decoded(line: bytes) -> tuple[bool, Any]:
    try:
        return True, msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False, None


def agree(line: bytes) -> None:
    right, value = decoded(line)
    mine, faults = diagnose(line)
    codes = {code for code, _found in faults}
    if not right:
        assert codes
    elif codes:
        assert codes <= STRICTER or (codes <= {*STRICTER, "DT205"} and _vast(line))
    else:
        assert mine == value
    assert (mine is None) or not faults


def _vast(line: bytes) -> bool:
    """Tell whether there is an integer that no double holds; msgspec reads those of up to 4,300 digits."""
    return any(len(part) > 308 for part in "".join(c if c.isdigit() else " " for c in line.decode()).split())


@given(LINES | damaged())
@example(b"[" * 64 + b"]" * 64)
@example(b"[" * 61 + b"1,[[[[]]]]" + b"]" * 61)
@settings(max_examples=1500, deadline=None)
def test_it_agrees_with_msgspec_on_any_bytes(line: bytes) -> None:
    agree(line)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_agrees_with_msgspec_on_the_corpus(case: Any) -> None:
    agree(case.data)


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_the_careful_reader_finds_nothing_in_what_is_right(value: Any) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value)
    codes = {code for code, _found in faults_of(text)}
    assert codes <= {"DT205", "DT207"}
    assert codes == {code for code, _found in diagnose(text.encode())[1]}


READS = "; in Latin-1 (Windows-1252) it reads "
FOUND: list[tuple[bytes | str, list[tuple[str, str]]]] = [
    ('{"a": 1,}', [("DT201", "a comma after the last item at character 8")]),
    ('{"a": [1, 2 ,\t]}', [("DT201", "a comma after the last item at character 13")]),
    ("{'a': 1}", [("DT201", "a single quote where a double quote is wanted at character 2")]),
    ("{\u201ca\u201d: 1}", [("DT201", "a typographic quote where a double quote is wanted at character 2")]),
    ("{a: 1}", [("DT201", "a key without double quotes, 'a', at character 2")]),
    ('{"a" 1}', [("DT201", "'1' where a colon after a key is wanted at character 6")]),
    ('{"a":}', [("DT201", "'}' where a value is wanted at character 6")]),
    ('{"b": 1, "a":}', [("DT201", "'}' where a value is wanted at character 14")]),
    ('{"a": 1', [("DT201", "the line ends inside an object, which begins at character 1")]),
    ('{"a": [1,', [("DT201", "the line ends inside a list, which begins at character 7")]),
    ("{", [("DT201", "the line ends inside an object, which begins at character 1")]),
    ("", [("DT201", "the line ends where a value is wanted at character 1")]),
    ('{"a": "b', [("DT201", "the line ends inside a text, which begins at character 7")]),
    ('["a\tb"]', [("DT201", "a tab inside a text, where it must be written as an escape, at character 4")]),
    (r'["\x41"]', [("DT201", "a backslash before 'x', which is no escape, at character 3")]),
    (r'["\u12"]', [("DT201", r"\u without four hexadecimal digits at character 3")]),
    ("{} {}", [("DT201", "two values on one line; the second begins at character 4")]),
    ("{},", [("DT201", "a comma after the end of the value at character 3")]),
    ('["a" "b"]', [("DT201", "no comma between two items at character 6")]),
    ("[1; 2]", [("DT201", "a semicolon where a comma or ']' is wanted at character 3")]),
    ("[01]", [("DT201", "'01', which JSON does not take for a number, at character 2")]),
    ("[ 0x1F]", [("DT201", "'0x1F', which JSON does not take for a number, at character 3")]),
    ("[True]", [("DT201", "True, which JSON writes true, at character 2")]),
    ("[1 // one\n]", [("DT201", "a comment where a comma or ']' is wanted at character 4")]),
    ("\ufeff{}", [("DT201", "a byte-order mark where a value is wanted at character 1")]),
    ("[\u2028]", [("DT201", "U+2028 (line separator) where a value is wanted at character 2")]),
    (b'"Gr\xfc\xdfe"', [("DT203", "a byte UTF-8 never uses (0xfc) at byte 4" + READS + "'Gr\u00fc\u00dfe'")]),
    (b'"don\x92t"', [("DT203", "the middle of a character (0x92) at byte 5" + READS + "'don\u2019t'")]),
    (b'"\xc0\xaf"', [("DT203", "an overlong form (0xc0) at byte 2")]),
    (b'"\xed\xa0\x80"', [("DT203", "half of a surrogate pair (0xed 0xa0) at byte 2")]),
    (b'"\xf4\x90\x80\x80"', [("DT203", "a character beyond Unicode (0xf4 0x90) at byte 2")]),
    (b'\0{\0"\0a\0"\0}', [("DT203", "UTF-16, not UTF-8")]),
    ("[1, NaN]", [("DT205", "NaN at character 5")]),
    ("[1, 1e400]", [("DT205", "1e400, too large for a double, at character 5")]),
    ('{"m": [{"role": "u", "role": "u"}]}', [("DT206", "key 'role' twice in m[0] at character 22")]),
    (r'{"k": 0, "k": 1}', [("DT206", "key 'k' twice at character 10")]),
    (r'["a", {"x": {"n": [[], {"k": NaN, "k": 1}]}}]', [
        ("DT205", "NaN at character 30"),
        ("DT206", "key 'k' twice in [1].x.n[1] at character 35"),
    ]),
    (r'["\ud83c\udf31\ud83c"]', [("DT207", r"half of a surrogate pair, \ud83c, at character 15")]),
    ("[" * 100, [("DT208", "level 65 of nesting at character 65")]),
    ("[x" + "[" * 100, [("DT201", "'x' where a value is wanted at character 2")]),
    (r'{"\ud800": 1, "a": NaN, "a": 2} x', [
        ("DT207", r"half of a surrogate pair, \ud800, at character 3"),
        ("DT205", "NaN at character 20"),
        ("DT206", "key 'a' twice at character 25"),
        ("DT201", "'x' after the end of the value at character 33"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "faults"), FOUND, ids=range(len(FOUND)))
def test_it_says_what_is_wrong_and_where(line: bytes | str, faults: list[tuple[str, str]]) -> None:
    assert diagnose(line if isinstance(line, bytes) else line.encode()) == (None, faults)


def filled(start: str, unit: str, end: str, size: int = 8 << 20) -> str:
    return start + unit * ((size - len(start) - len(end)) // len(unit)) + end


LONG = {
    "ten million lists": "[" * 10_000_000,
    "ten million closed lists": "[" * 5_000_000 + "]" * 5_000_000,
    "ten million objects": '{"a":' * 2_000_000,
    "small items, not closed": filled("[", "1,", "1"),
    "lists, not closed": filled("[", "[[1]],", "1"),
    "towers": filled("[", "[" * 60 + "]" * 60 + ",", "oops"),
    "objects": filled("[", '{"a":1,"b":2},', "oops"),
    "one key over and over": filled("{", '"a":1,', '"a":1}'),
    "halves": filled("[", r'"\ud83d",', "1]"),
    "escaped quotes": filled('["', r"\"", ""),
    "backslashes": filled('["', r"\\", '\\"'),
    "quotes": filled("[", '""', "]"),
    "spaces": filled("[1", " ", "2"),
    "digits": filled("[", "9", "]"),
    "many NaN": filled("[", "NaN,", "1]"),
}


@pytest.mark.parametrize("name", LONG)
def test_eight_megabytes_take_seconds_whatever_they_hold(name: str) -> None:
    line = LONG[name].encode()
    began = time.process_time()
    _value, faults = diagnose(line)
    assert faults
    assert time.process_time() - began < SECONDS


def test_depth_is_allowed_up_to_its_limit_and_no_further() -> None:
    for inner in ("", "1,[[[]]]", "[],[[]]"):
        for levels in range(DEEPEST - 5, DEEPEST + 2):
            line = "[" * levels + inner + "]" * levels
            deepest = levels + max(0, inner.count("[[[") * 3 or inner.count("[[") * 2)
            assert bool(diagnose(line.encode())[1]) == (deepest > DEEPEST)
