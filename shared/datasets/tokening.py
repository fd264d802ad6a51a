"""The base model's side of a pass: its tokens, and what Azure ML would have made of the dropped file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.datasets.foretell import Foretelling
from shared.datasets.measuring import RIGHT, faults_of
from shared.datasets.notes import LOST
from shared.datasets.rowfacts import RowFacts
from shared.datasets.template import TemplateFault
from shared.datasets.tokenfigures import Chats, TokenFigures

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shared.datasets.examined import Examined, Sampled
    from shared.datasets.figures import Tokenized
    from shared.datasets.foretell import Foretold
    from shared.datasets.preparation import CheckOptions
    from shared.datasets.rows import Fault, Message
    from shared.datasets.sources import Source

ENDLESS = 1 << 62
CLOSER = 100


class Tokening:
    """Takes what blocks hold, in their order; counts the sample at the end."""

    def __init__(self, options: CheckOptions) -> None:
        given = options.tokenizer
        self._counter = None if given is None else given.counter()
        limit = None if self._counter is None else self._counter.limit
        self._figures = TokenFigures(None if given is None else given.model, limit, options.epochs)
        self._foretelling = Foretelling(limit or ENDLESS)
        self.faults: list[tuple[int, Fault]] = []

    def foretell(self, found: Examined, first: int, source: Source) -> None:
        """Take a block, where it is the train file's. first: its first line's number."""
        begin = 0
        if source.held_out:
            return
        for line, facts in [*sorted(found.facts, key=lambda one: one[0]), (found.lines, None)]:
            if line > begin:
                self._foretelling.rows(range(first + begin, first + line), RIGHT)
            if facts is not None:
                self._foretelling.row(first + line, facts)
            begin = line + 1

    def kept(self, found: Examined, kept: NDArray[np.intp]) -> None:
        """Take the rows of a block that are accepted."""
        if found.counted:
            lines = (found.line[place] for place in kept.tolist())
            self._figures.add(found.counted[line] for line in lines if line in found.counted)

    def render(self, chat: Sequence[Message]) -> str | None:
        """Write a chat as the base model sees it; None where its template is not at hand, or refuses it."""
        try:
            return None if self._counter is None else self._counter.template.render(chat)
        except TemplateFault:
            return None  # that it does is a finding

    def foretold(self) -> Foretold:
        """Tell what Azure ML would do with the train file as it was dropped."""
        return self._foretelling.result()

    def figures(
        self, rows: int, train: int, characters: int, sampled: Sequence[tuple[int, Sampled]]
    ) -> Tokenized:
        """Count the sampled rows.

        Of CLOSER of them it is counted what is learnt too, which proves on the way that what was not counted
        while reading is right; `faults` has what is not.
        """
        chats = Chats(rows, train, characters, [row.messages for _line, row in sampled])
        if self._counter is None:
            return self._figures.figures(chats, None, ())
        closer = sampled[:: len(sampled) // CLOSER + 1]
        counted = self._counter.count([row.messages for _line, row in closer])
        for (line, _row), tokens in zip(closer, counted, strict=True):
            faults = faults_of(RowFacts("many", tokens=tokens), self._counter.limit)
            self.faults += [(line, fault) for fault in faults if fault[0] in LOST]
        return self._figures.figures(
            chats, [] if self.faults else self._counter.totals(chats.sampled), counted
        )
