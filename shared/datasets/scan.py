r"""Where a block of JSON lines deserves a closer look: all quick shapes, in three passes over the raw bytes.

A hit is a suspicion; content.look decides on the decoded text. There is one wherever look finds something,
however JSON writes it: any character as `\uXXXX`, a slash as `\/`. So an ASCII sign written by its number is
suspected of everything, and each shape allows for the rest: it asks no more of the bytes than its exact rule
asks of the text, least of all what stands before, where the `n` of `\n` looks like a letter.
Hyperscan (github.com/intel/hyperscan) tries the shapes of a pass at once; where it has no wheel, `re` tries
them in turn.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.datasets import answers, garbled, markup, personal, secret_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Hit = tuple[int, str]  # where it ends; the code suspected, ANY for all

ANY = ""
WORDS: tuple[tuple[str, bytes], ...] = (
    (ANY, rb"\\u00[2-7]|\\u000[9aAdD]"),
    (ANY, answers.QUICK),
    ("DT501", markup.TOKEN_QUICK),
    *(("DT502", shape) for shape in garbled.SPELT_QUICK),
    *(("DT503", shape) for shape in secret_kinds.QUICK),
    *(("DT505", shape) for shape in garbled.MOJIBAKE_QUICK),
)
SIGNS = (
    ("DT502", garbled.RAW_QUICK),
    ("DT503", secret_kinds.SIGNED_QUICK),
    *(("DT504", shape) for shape in personal.SIGNED_QUICK),
    *(("DT506", shape) for shape in markup.HTML_QUICK),
)
NUMBERS = tuple(("DT504", shape) for shape in personal.NUMBER_QUICK)
# A pass each, since one short literal, as "@", slows the search for all longer ones; measured one by one.
PASSES = (WORDS, SIGNS, NUMBERS)


class Scanner:
    """Finds lines worth a closer look; for one thread. engine: hyperscan where it is installed, else `re`."""

    def __init__(self, engine: str | None = None) -> None:
        self.engine, self._scan = _compiled(engine)

    def hits(self, block: bytes) -> list[Hit]:
        """Give every suspicious place, in ascending order."""
        return sorted(self._scan(block))


def _compiled(engine: str | None) -> tuple[str, Callable[[bytes], list[Hit]]]:
    if engine != "re":
        try:
            return "hyperscan", _hyperscan()
        except ImportError:
            pass
    patterns = [(code, re.compile(shape)) for shapes in PASSES for code, shape in shapes]
    return "re", lambda block: [
        (found.end(), code) for code, shape in patterns for found in shape.finditer(block)
    ]


def _hyperscan() -> Callable[[bytes], list[Hit]]:
    import hyperscan

    # A scratch is one scan's at a time: with a database's own, data sets checked at once fail each other.
    passes = [(database, codes, hyperscan.Scratch(database)) for database, codes in _databases()]

    def scan(block: bytes) -> list[Hit]:
        hits: list[Hit] = []
        for database, codes, scratch in passes:

            def on_match(shape: int, _begin: int, end: int, _flags: int, codes: list[str]) -> None:
                hits.append((end, codes[shape]))

            database.scan(block, match_event_handler=on_match, context=codes, scratch=scratch)
        return hits

    return scan


@cache
def _databases() -> tuple[tuple[Any, list[str]], ...]:
    return tuple(_database(shapes) for shapes in PASSES)


def _database(shapes: Sequence[tuple[str, bytes]]) -> tuple[Any, list[str]]:
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    codes, patterns = zip(*shapes, strict=True)
    database.compile(list(patterns), list(range(len(patterns))), len(patterns), [0] * len(patterns))
    return database, list(codes)
