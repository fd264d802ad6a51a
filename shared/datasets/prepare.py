"""Check, split and write a data set in one pass over its bytes."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import xxhash

from shared.datasets.blocks import Seen, blocks
from shared.datasets.inputs import Unreadable, lines_of
from shared.datasets.merge import REFUSED, Merge
from shared.datasets.split import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from shared.datasets.blocks import Block
    from shared.datasets.examined import Examined
    from shared.datasets.report import Report


@dataclass(frozen=True)
class CheckOptions:
    """How a data set is checked; severities: code to ignore, warn or error."""

    validation_fraction: float = 0.1
    test_fraction: float = 0.1
    min_rows: int = 10
    max_bad_fraction: float = 0.0
    max_bytes: int = 2 * 1024**3
    dedupe: bool = True
    severities: Mapping[str, str] = field(default_factory=dict)


class Writer(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Write some."""


class Outputs(Protocol):
    """Opens train.jsonl, validation.jsonl, test.jsonl and rejected.jsonl for writing, front to back."""

    def open(self, name: str) -> AbstractContextManager[Writer]:
        """Open one; it is complete when its context ends without an exception."""


def prepare(
    chunks: Iterable[bytes],
    options: CheckOptions,
    outputs: Outputs | None = None,
    progress: Callable[[int], None] | None = None,
    cores: int = 1,
) -> Report:
    """Check every row, split the good ones, write all parts; without outputs check alone.

    progress is told the bytes read so far. With several cores the work is spread over as many processes,
    which takes half a second to begin. What `chunks` raises goes through unchanged.
    """
    with ExitStack() as stack:
        files = {name: stack.enter_context(outputs.open(name)) for name in _names()} if outputs else {}
        merge, source, seen = Merge(options, files), _Source(chunks, options.max_bytes, progress), Seen()
        examine = stack.enter_context(_examining(cores, merge.findings.refusing, writing=bool(files)))
        try:
            for found in examine(
                blocks(lines_of(source, options.max_bytes), seen), lambda: merge.sample.below
            ):
                merge.add(found)
        except Unreadable as fault:
            merge.unreadable(fault)
        return merge.finish(seen, source.digest.hexdigest())


def _examining(
    cores: int, refusing: frozenset[str], *, writing: bool
) -> AbstractContextManager[Callable[[Iterable[Block], Callable[[], int]], Iterator[Examined]]]:
    """Examine blocks here or elsewhere. numpy and the scanner come in now: not at a cold start."""
    if cores > 1:
        from shared.datasets.workers import several

        return several(cores, refusing, writing=writing)
    from shared.datasets.examine import Examiner

    return nullcontext(Examiner(refusing, writing=writing).batches)


def _names() -> list[str]:
    return [f"{part}.jsonl" for part in PARTS] + [REFUSED]


class _Source:
    """Counts, digests and caps the bytes as they pass."""

    def __init__(self, chunks: Iterable[bytes], most: int, progress: Callable[[int], None] | None) -> None:
        self._chunks, self._most, self._progress = chunks, most, progress
        self.digest = xxhash.xxh3_128()

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for chunk in self._chunks:
            read += len(chunk)
            if read > self._most:
                raise Unreadable("DT102", f"more than {self._most:,} bytes")
            self.digest.update(chunk)
            if self._progress:
                self._progress(read)
            yield chunk
