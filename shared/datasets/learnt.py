"""What of a chat's tokens is learnt: the search of `CustomCollatorForCompletionOnlyLM`, oddities included.

Read in azureml-acft-contrib-hf-nlp 0.0.91.
"""

from __future__ import annotations

from dataclasses import dataclass

IGNORED = -100


@dataclass(frozen=True)
class Tokens:
    """A chat's tokens. total: rendered, before any cut; before_answer: the place of the first that is learnt.

    before_answer is total where none is; learnt: those left after the cut; fault: the template's own words
    where it refuses the chat (then all three are 0).
    """

    total: int
    before_answer: int
    learnt: int
    fault: str | None = None


@dataclass(frozen=True)
class Search:
    """The token ids that begin an answer and a question, and the pad token, which is never learnt."""

    response: list[int]
    instruction: list[int]
    pad: int | None = None

    def learnt(self, ids: list[int]) -> bytearray:
        """Mark each token with 1 where it is learnt; the search is Azure ML's, oddities included.

        So two questions in a row hide the answer that follows them, and one marker alone hides everything.
        """
        if self.pad in ids:
            ids = [IGNORED if one == self.pad else one for one in ids]
        ends = [place + len(self.response) for place in places(ids, self.response)]
        begins = places(ids, self.instruction)
        if not ends or not begins:
            return bytearray(len(ids))
        if begins[0] > ends[0]:
            begins = [0, *begins]
        marks = bytearray(b"\1") * len(ids)
        for begin, end in [(0, ends[0]), *list(zip(begins, ends, strict=False))[1:]]:
            if begin < end:
                marks[begin:end] = bytes(end - begin)
        if len(ends) < len(begins):
            marks[begins[-1] :] = bytes(len(ids) - begins[-1])
        for place in places(ids, [IGNORED]):
            marks[place] = 0
        return marks


def places(ids: list[int], wanted: list[int]) -> list[int]:
    """Find every place where a sequence stands."""
    found: list[int] = []
    place = -1
    while True:
        try:
            place = ids.index(wanted[0], place + 1)
        except ValueError:
            return found
        if ids[place : place + len(wanted)] == wanted:
            found.append(place)
