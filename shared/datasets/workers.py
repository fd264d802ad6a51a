"""Examining on several cores: blocks lie in memory that all processes share, figures alone travel back."""

from __future__ import annotations

import multiprocessing
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING

from shared.datasets.blocks import LONGEST, Block
from shared.datasets.examine import Examiner
from shared.datasets.examined import Examined
from shared.datasets.inputs import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

    from shared.datasets.examined import Examining

SLOT = LONGEST + 1  # a block is never longer: see blocks.py
SLOTS_A_CORE = 2
ENOUGH = 2 << 20  # bytes for one journey

_examiners: list[Examiner] = []
_memory: list[SharedMemory] = []


@contextmanager
def several(
    cores: int, how: Examining
) -> Iterator[Callable[[Iterable[Block], Callable[[], int]], Iterator[Examined]]]:
    """Give what examines blocks on `cores` processes, in their order; `below` is asked before each block.

    The processes come from a server that has started no threads, so that forking is safe.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    memory = SharedMemory(create=True, size=cores * SLOTS_A_CORE * SLOT)
    buffer = memoryview(memory.buf or b"")
    try:
        with ProcessPoolExecutor(cores, context, _begin, (memory.name, how)) as pool:
            yield partial(_spread, pool, buffer, cores * SLOTS_A_CORE)
    finally:
        buffer.release()
        memory.close()
        memory.unlink()


def _spread(
    pool: Executor, buffer: memoryview, slots: int, source: Iterable[Block], below: Callable[[], int]
) -> Iterator[Examined]:
    """Fill slots with blocks, let them be examined, give the results in the blocks' order."""
    waiting: deque[Future[Examined]] = deque()
    try:
        for number, filling in enumerate(_batches(source)):
            if len(waiting) == slots:
                yield waiting.popleft().result()
            begin = end = number % slots * SLOT
            for block in filling:
                buffer[end : end + len(block.data)] = block.data
                end += len(block.data)
            waiting.append(pool.submit(_examine, begin, end, filling[0].too_long, below()))
    except Unreadable:
        yield from (one.result() for one in waiting)  # what came before counts all the same
        raise
    yield from (one.result() for one in waiting)


def _batches(source: Iterable[Block]) -> Iterator[list[Block]]:
    """Gather small blocks, so that a slot is worth its journey; a line let go goes alone."""
    batch: list[Block] = []
    size = 0
    try:
        for block in source:
            if batch and (block.too_long or batch[0].too_long or size + len(block.data) > ENOUGH):
                yield batch
                batch, size = [], 0
            batch.append(block)
            size += len(block.data)
    except Unreadable:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _begin(name: str, how: Examining) -> None:
    _memory[:] = [SharedMemory(name)]
    _examiners[:] = [Examiner(how)]


def _examine(begin: int, end: int, too_long: bool, below: int) -> Examined:  # noqa: FBT001 - called by the pool
    found, examiner = Examined(), _examiners[0]
    examiner.below = below
    with memoryview(_memory[0].buf or b"")[begin:end] as block:
        examiner.examine(Block(bytes(block), too_long), found)
    return found
