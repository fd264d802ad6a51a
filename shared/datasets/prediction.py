"""What Azure ML's preprocessing would do with a file as it stands, every chat counted by its tokenizer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.datasets.blocks import Seen, blocks
from shared.datasets.foretell import Foretelling, Foretold, facts_of
from shared.datasets.inputs import lines_of
from shared.datasets.rowfacts import countable
from shared.datasets.strict import diagnose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.datasets.tokens import TokenCounter

AT_ONCE = 256
ENDLESS = 1 << 62


def foretold_of(chunks: Iterable[bytes], counter: TokenCounter) -> Foretold:
    """Foretell a file in the pipeline's own format. Raises Unreadable where it breaks off.

    A line that the check refuses as no JSON counts as one that the job cannot load.
    """
    telling = Foretelling(counter.limit)
    batch: list[tuple[int, Any]] = []
    for line, value in _values(chunks):
        batch.append((line, value))
        if len(batch) == AT_ONCE:
            _tell(telling, counter, batch)
            batch = []
    _tell(telling, counter, batch)
    return telling.result()


def _tell(telling: Foretelling, counter: TokenCounter, batch: list[tuple[int, Any]]) -> None:
    facts = [(line, facts_of(value), value) for line, value in batch]
    counted = iter(counter.count([value["messages"] for _line, one, value in facts if countable(one)]))
    for line, one, _value in facts:
        telling.row(line, replace(one, tokens=next(counted)) if countable(one) else one)


def _values(chunks: Iterable[bytes]) -> Iterator[tuple[int, Any]]:
    number = 0
    for block in blocks(lines_of(chunks, ENDLESS), Seen()):
        lines = block.data.split(b"\n")
        for line in lines[:-1] if block.data.endswith(b"\n") else lines:
            number += 1
            if block.too_long:
                yield number, None
            elif line.strip():
                yield number, diagnose(line)[0]
