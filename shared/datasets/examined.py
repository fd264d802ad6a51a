"""What examining one block of lines gives: columns of figures, faults, and the rows chosen for a sample."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from shared.datasets.rows import Message

if TYPE_CHECKING:
    from shared.datasets.bounds import Bounds
    from shared.datasets.learnt import Tokens
    from shared.datasets.rowfacts import RowFacts
    from shared.datasets.tokenizer_files import TokenizerFiles


@dataclass(frozen=True)
class Examining:
    """How blocks are examined. refusing: codes that refuse a row; writing: whether rows are wanted."""

    refusing: frozenset[str]
    tokenizer: TokenizerFiles | None = None
    bounds: Bounds | None = None
    writing: bool = False


class Refused(msgspec.Struct, frozen=True):
    """A row that is left out. line: from 0 in the block; text: shortened."""

    line: int
    code: str
    found: str
    text: str


class Sampled(msgspec.Struct, frozen=True, order=True):
    """A row chosen by its question's hash, which no order of rows and no cut into blocks changes."""

    question: int
    whole: int
    line: int
    messages: list[Message] = msgspec.field(default_factory=list)


@dataclass
class Examined:
    """What a block held. Lines count from 0; the columns have one entry for each row that was not refused.

    question: the first one, folded; whole: roles and contents; prompt: all but the last message; each a
    64-bit hash. data: the rows as they are written, where that was asked for. kinds: a format's first line.
    facts: what Azure ML's preprocessing would make of lines that are no right rows, or were counted; None: a
    blank line. counted: the tokens of rows that were counted and not refused, by line.
    """

    lines: int = 0
    rows: int = 0
    crlf: bool = False
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    line: array[int] = field(default_factory=lambda: array("I"))
    question: array[int] = field(default_factory=lambda: array("Q"))
    whole: array[int] = field(default_factory=lambda: array("Q"))
    prompt: array[int] = field(default_factory=lambda: array("Q"))
    characters: array[int] = field(default_factory=lambda: array("I"))
    turns: array[int] = field(default_factory=lambda: array("I"))
    data: list[bytes] = field(default_factory=list)
    sampled: list[Sampled] = field(default_factory=list)
    facts: list[tuple[int, RowFacts | None]] = field(default_factory=list)
    counted: dict[int, Tokens] = field(default_factory=dict)
