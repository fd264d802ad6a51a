"""What is known of a base model's tokens without counting any: few facts, which travel to other processes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.datasets.pairs import Pairs
from shared.datasets.pieces import part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenizers import Tokenizer

    from shared.datasets.template import Markers
    from shared.datasets.tokens import TokenCounter

NFC_GROWTH = 3  # Unicode's own bound for UTF-8: unicode.org/faq/normalization.html
PLAIN = re.compile(r"[\w<>|:# ]+", re.ASCII)  # what JSON writes as it stands
SPLITTING = frozenset(
    {"ByteLevel", "Split", "Digits", "Metaspace", "Whitespace", "WhitespaceSplit", "Punctuation"}
)


@dataclass(frozen=True)
class Bounds:
    """limit: where Azure ML cuts; growth: tokens of a byte at most, 0 where every chat is to be counted.

    template, named: the chat template's source and the tokens it may name; markers: what begins turns; marks:
    texts that decide what is learnt; pairs: a closer bound, where one is known.
    """

    limit: int
    growth: int
    template: str
    named: Mapping[str, Any]
    markers: Markers
    marks: tuple[str, ...]
    pairs: Pairs | None

    @classmethod
    def of(cls, counter: TokenCounter) -> Bounds:
        """Find out."""
        factor, template = growth(counter.tokenizer) if _closed(counter) else 0, counter.template
        marks = tuple({counter.markers.response, counter.markers.instruction, counter.pad})
        pairs = Pairs(counter.tokenizer) if factor == 1 and counter.cuts_at_spaces else None
        return cls(counter.limit, factor, template.source, template.tokens, counter.markers, marks, pairs)

    @property
    def literals(self) -> list[bytes]:
        """The longest part of each mark that JSON writes as it stands."""
        return [max(PLAIN.findall(mark) or [""], key=len).encode() for mark in self.marks]


def growth(tokenizer: Tokenizer) -> int:
    """Tell how many tokens a byte of text becomes at most; 0: nothing is known."""
    normalizer, pre = part(tokenizer.normalizer), part(tokenizer.pre_tokenizer)
    steps = [] if normalizer is None else normalizer.get("normalizers", [normalizer])
    cuts = [] if pre is None else pre.get("pretokenizers", [pre])
    if type(tokenizer.model).__name__ != "BPE" or not all(one["type"] in SPLITTING for one in cuts):
        return 0
    factor = 1
    for step in steps:
        if step["type"] == "NFC":
            factor = NFC_GROWTH
        elif step["type"] != "Prepend" and not _one_sign(step, tokenizer):
            return 0
    # A sign put before each stretch of text: one token more, as its special token had bytes to spare.
    shortest = min((len(one.content) for one in tokenizer.get_added_tokens_decoder().values()), default=2)
    return factor if shortest > 1 else 2 * factor


def _one_sign(step: Mapping[str, Any], tokenizer: Tokenizer) -> bool:
    """Tell whether a step replaces one text by one sign that is a token, as a space by U+2581."""
    content = step.get("content", "")
    return step["type"] == "Replace" and len(content) == 1 and tokenizer.token_to_id(content) is not None


def _closed(counter: TokenCounter) -> bool:
    """Tell whether a turn's marker is the same tokens whatever text stands beside it."""
    added = {one.content for one in counter.tokenizer.get_added_tokens_decoder().values()}
    probe = counter.template.render(counter.template.probe())
    for marker in (counter.markers.response, counter.markers.instruction):
        first = any(marker.startswith(text) for text in added)
        last = any(marker.endswith(text) for text in added)
        after = probe[probe.find(marker) + len(marker) :][:1]
        if not first or not (last or after.isspace()):
            return False
    return True
