"""How many tokens a text has at most, told from its pairs of bytes alone.

Byte-pair encoding goes on until no two tokens beside each other are a pair it merges. So where all neighbours
in a word are such pairs, no two of its tokens in a row are single letters, and n letters make (2n + 1) / 3
tokens at most. Holds within words, as GPT-2's pre-tokenizer and its kin cut them: letters, and the space
before them; contractions apart.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer

BETWEEN = b"\n"
APOSTROPHE = ord("'")
LONGEST_CONTRACTION = 3  # 'll


class Pairs:
    """The pairs of one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        pairs = [first + last for first in string.ascii_letters + " " for last in string.ascii_letters]
        found = tokenizer.encode_batch_fast(pairs, add_special_tokens=False)
        self._merged = np.zeros(1 << 16, np.bool_)
        for pair, one in zip(pairs, found, strict=True):
            first, last = pair.encode()
            self._merged[first << 8 | last] = len(one) == 1

    def most(self, texts: Sequence[bytes]) -> int:
        """Give a number of tokens that the texts together do not exceed.

        They are looked at in one: a line end between two is merged with neither, so it counts as one token.
        """
        text = BETWEEN.join(texts)
        octets = np.frombuffer(text, np.uint8).astype(np.uint16)
        merged = self._merged[octets[:-1] << 8 | octets[1:]]
        if b"'" in text:
            for place in np.flatnonzero(octets == APOSTROPHE).tolist():
                merged[place : place + LONGEST_CONTRACTION] = False
        apart = np.flatnonzero(~merged)
        lengths = np.diff(apart, prepend=-1, append=len(text) - 1)
        return int(((2 * lengths + 1) // 3).sum()) - max(0, len(texts) - 1)
