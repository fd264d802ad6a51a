"""Reads one JSON text from left to right and says what is wrong with it, and where.

A scanner with a stack of its own, so that no nesting exhausts Python's; runs of plain items are skipped in
one match. It builds no value. Places are characters, told from 1.
"""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.datasets.complaints import Broken, about_end, about_key, about_separator, about_text, about_value
from shared.datasets.findings import shown
from shared.datasets.lexemes import END, HALVES, KEY, LEVELS, NOT_FINITE, SPACE, STEP, WHOLE, items, matched

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from shared.datasets.rows import Fault

    State = Callable[[], "State | None"]

DEEPEST = 64


class Open(NamedTuple):
    """A list or an object that is not closed yet. begun: its place; keys: of an object, so far."""

    close: str
    begun: int
    keys: set[str]


def faults_of(text: str) -> list[Fault]:
    """Give the first fault of each code in the order of their places; nothing after a DT201 or DT208."""
    return _Scan(text).faults()


class _Scan:
    """Each state is a method: it reads on and gives the next state, or None at the end.

    last: where the latest number, text or word begins; comma: where the latest comma between items stands.
    """

    def __init__(self, text: str) -> None:
        self._text, self._place, self._comma, self._last = text, 0, 0, 0
        self._open: list[Open] = []
        self._found: dict[str, str] = {}
        self._items = items(halves=False, numbers=False)

    def faults(self) -> list[Fault]:
        state: State | None = self._value
        try:
            while state is not None:
                state = state()
        except Broken as fault:
            self._note("DT201", *fault.args)
        return list(self._found.items())

    def _value(self) -> State | None:
        step = STEP.match(self._text, self._place)
        assert step, "each part of the pattern may be empty"  # noqa: S101 - for the type checker
        lists, atom, number, opening, closing, _comma = step.groups()
        if lists and not self._push("]", step.start("lists"), lists):
            return None
        if opening:
            if not self._push("}", step.start("object"), opening):
                return None
            if closing[:1] != "}":
                self._place = step.end("object")
                return self._key
        elif atom or number:
            self._last = step.start("atom" if atom else "number")
            if number:
                self._size(number)
        elif not lists or closing[:1] != "]":
            self._place = step.start("closing")
            return self._odd_value
        return self._close(step)

    def _push(self, close: str, begun: int, opening: str) -> bool:
        for place, sign in enumerate(opening, begun):
            if sign in "[{":
                if len(self._open) == DEEPEST:
                    self._note("DT208", f"level {DEEPEST + 1} of nesting", place)
                    return False
                self._open.append(Open(close, place, set()))
        return True

    def _size(self, number: str) -> None:
        """Note what is no number, or none that a double can hold."""
        if not math.isfinite(float(number)):
            large = "" if number[-1].isalpha() else ", too large for a double,"
            self._note("DT205", shown(number, 20) + large, self._last)

    def _after(self) -> State | None:
        step = END.match(self._text, self._place)
        assert step, "each part of the pattern may be empty"  # noqa: S101 - for the type checker
        return self._close(step)

    def _close(self, step: re.Match[str]) -> State | None:
        """Close what a value's end closes, and go on behind the comma."""
        closing, comma = step["closing"], step["comma"]
        stack = self._open
        for place, sign in enumerate(closing, step.start("closing")):
            if sign in "]}":
                if not stack or stack[-1].close != sign:
                    raise self._no_end(place)
                stack.pop()
        self._place = step.end()
        if comma and stack:
            self._comma = self._place - 1
            return self._item if stack[-1].close == "]" else self._key
        if comma or stack or self._place < len(self._text):
            raise self._no_end(step.start("comma"))
        return None

    def _no_end(self, place: int) -> Broken:
        if self._open:
            inside = self._open[-1]
            return about_separator(self._text, place, self._last, inside.begun, inside.close)
        return about_end(self._text, place, self._last)

    def _item(self) -> State | None:
        shallow = len(self._open) + LEVELS <= DEEPEST
        if shallow and (run := self._items.match(self._text, self._place)):
            self._place = run.end()
            self._comma = self._place - 1
        return self._value()

    def _key(self) -> State | None:
        found = KEY.match(self._text, self._place)
        if found is None:
            return self._odd_key
        self._enter(found[1], found.start(1))
        self._place = found.end()
        return self._value()

    def _enter(self, written: str, place: int) -> None:
        """Note a key; one written with escapes is the same as without."""
        keys = self._open[-1].keys
        key = json.loads(written) if "\\" in written else written[1:-1]
        if key in keys and "DT206" not in self._found:
            path = f" in {path}" if (path := self._path()) else ""
            self._note("DT206", f"key {shown(key, 40)!r} twice{path}", place)
        keys.add(key)

    def _path(self) -> str:
        """Name the innermost object, as messages[0].content; items count from 0."""
        begun = [one.begun for one in self._open]
        parts = (self._text[one:other] for one, other in itertools.pairwise(begun))
        return "".join(map(_step_in, parts)).removeprefix(".")

    def _odd_value(self) -> State | None:
        if written := matched(NOT_FINITE, self._text, self._place):
            self._note("DT205", shown(written), self._place)
            return None
        if self._text[self._place : self._place + 1] != '"':
            begun = self._open[-1].begun if self._open else -1
            raise about_value(self._text, self._place, self._comma, begun)
        self._last = self._place
        self._halves()
        return self._after

    def _odd_key(self) -> State:
        begun = self._place = self._place + len(matched(SPACE, self._text, self._place))
        if self._text[begun : begun + 1] == '"':
            self._halves()
            written, end = self._text[begun : self._place], self._place
            self._place = end + len(matched(SPACE, self._text, end))
            if self._text[self._place : self._place + 1] == ":":
                self._enter(written, begun)
                self._place += 1
                return self._value
        raise about_key(self._text, self._place, self._comma, begun, self._open[-1].begun)

    def _halves(self) -> None:
        """Pass a text that holds halves of surrogate pairs, if that is all that is wrong with it."""
        text, begun = self._text, self._place
        end = begun + len(matched(HALVES, text, begun))
        if text[end : end + 1] != '"':
            raise about_text(text, begun, end)
        lone = begun + len(matched(WHOLE, text, begun))
        if lone < end:
            self._note("DT207", f"half of a surrogate pair, {text[lone : lone + 6]},", lone)
        self._place = end + 1

    def _note(self, code: str, found: str, place: int) -> None:
        if code not in self._found:
            self._found[code] = f"{found} at character {place + 1}"
            self._items = items(halves="DT207" in self._found, numbers="DT205" in self._found)


def _step_in(opened: str) -> str:
    """Name the place that a list or an object, read so far and found right, has come to."""

    def last(pairs: list[tuple[str, Any]]) -> str:
        return pairs[-1][0]

    if opened[0] == "[":
        return f"[{len(json.loads(opened + '0]', parse_int=len)) - 1}]"
    key: str = json.loads(opened + "0}", parse_int=len, object_pairs_hook=last)
    return f".{shown(key, 20)}"
