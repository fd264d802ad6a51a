"""Check, split and write a data set in one pass over its bytes."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from shared.datasets.blocks import Seen, blocks
from shared.datasets.examined import Examining
from shared.datasets.findings import MOST_OF_A_CODE
from shared.datasets.inputs import Unreadable
from shared.datasets.merge import REFUSED, Merge
from shared.datasets.sources import Reader, Source, in_order
from shared.datasets.split import PARTS
from shared.datasets.tokenizer_files import Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from shared.datasets.blocks import Block
    from shared.datasets.examined import Examined
    from shared.datasets.report import Report
    from shared.datasets.tokenizer_files import TokenizerFiles

    Examine = Callable[[Iterable[Block], Callable[[], int]], Iterator[Examined]]

DAMAGED = "DT112"


@dataclass(frozen=True)
class CheckOptions:
    """How a data set is checked; severities: code to ignore, warn or error.

    most_findings: how many of each code are kept; all are counted;
    tokenizer: the base model's, where it is at hand; epochs: how often the job reads each row.
    """

    validation_fraction: float = 0.1
    test_fraction: float = 0.1
    min_rows: int = 10
    max_bad_fraction: float = 0.0
    max_bytes: int = 2 * 1024**3
    dedupe: bool = True
    severities: Mapping[str, str] = field(default_factory=dict)
    most_findings: int = MOST_OF_A_CODE
    tokenizer: TokenizerFiles | None = None
    epochs: float = 3


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
    """Check every row of one file, split the good ones, write all parts; without outputs check alone.

    progress is told the bytes read so far. With several cores the work is spread over as many processes,
    which takes half a second to begin. What `chunks` raises goes through unchanged. A tokenizer that cannot
    be used is a finding, and tokens are estimated.
    """
    return prepare_parts([Source(chunks)], options, outputs, progress, cores)


def prepare_parts(
    sources: Iterable[Source],
    options: CheckOptions,
    outputs: Outputs | None = None,
    progress: Callable[[int], None] | None = None,
    cores: int = 1,
) -> Report:
    """Do the same for a data set in files, at most one for each part; rows given for a part stay in it."""
    ordered, (options, fault) = in_order(sources), _with_usable_tokenizer(options)
    with ExitStack() as stack:
        files = {name: stack.enter_context(outputs.open(name)) for name in _names()} if outputs else {}
        merge = Merge(options, files, [source.part for source in ordered])
        stack.callback(merge.close)
        if fault:
            merge.findings.add("DT604", None, fault)
        reader = Reader(options.max_bytes, progress)
        bounds = None if options.tokenizer is None else options.tokenizer.bounds()
        how = Examining(merge.findings.refusing, options.tokenizer, bounds, writing=bool(files))
        examine = stack.enter_context(_examining(cores, how))
        for source in ordered:
            if not _read(source, reader, examine, merge):
                break
        return merge.finish(reader.digest.hexdigest())


def _read(source: Source, reader: Reader, examine: Examine, merge: Merge) -> bool:
    """Read one file; tell whether others can be read: a damaged one says nothing about them."""
    seen, go_on = Seen(), True
    merge.begin(source)
    try:
        for found in examine(blocks(reader.lines(source), seen), lambda: merge.sample.below):
            merge.add(found)
    except Unreadable as fault:
        merge.unreadable(fault)
        go_on = fault.code == DAMAGED
    merge.end(seen)
    return go_on


def _with_usable_tokenizer(options: CheckOptions) -> tuple[CheckOptions, str]:
    """Leave a tokenizer out that cannot be used, and say why."""
    if options.tokenizer is not None:
        try:
            options.tokenizer.counter()
        except Unusable as fault:
            return replace(options, tokenizer=None), f"{options.tokenizer.model}: {fault}"
    return options, ""


def _examining(cores: int, how: Examining) -> AbstractContextManager[Examine]:
    """Examine blocks here or elsewhere. numpy and the scanner come in now: not at a cold start."""
    if cores > 1:
        from shared.datasets.workers import several

        return several(cores, how)
    from shared.datasets.examine import Examiner

    return nullcontext(Examiner(how).batches)


def _names() -> list[str]:
    return [f"{part}.jsonl" for part in PARTS] + [REFUSED]
