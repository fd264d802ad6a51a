"""Texts cut into pieces whose tokens do not depend on what stands beside them, so that they are remembered.

A piece begins at white space that follows none, or at a sign that follows a word of letters alone, so that a
word is remembered once, whatever sign stands after it. There GPT-2's pre-tokenizer (ByteLevel's own) cuts
too, whatever stands on either side, for none of its alternatives goes on over such a place. Those of cl100k
(Phi-4, Llama 3) and Qwen 2, which differ in how many digits they keep together, take line ends after
punctuation along: theirs begin at a space alone. An added token that holds such a place, or takes the white
space after it, is seen to.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tokenizers import Tokenizer

# Python's white space holds U+001C to U+001F, the tokenizers' does not: they must not end a word.
_WHITE, _SIGN = r"[^\S\x1c-\x1f]", r"[!-&(-/:-@\[-`{-~]"  # no apostrophe: it begins a contraction
WORD = re.compile(rf"{_WHITE}*+(?:[A-Za-z]++(?={_WHITE}|{_SIGN}|\Z)|[\S\x1c-\x1f]++)|\s++")
HOLDS_A_CUT = re.compile(rf"\S\s|\A\s*[A-Za-z]+{_SIGN}")
SPACED = re.compile(r"\s*+\S++(?:[^\S ]\s*+\S++)*+(?:[^\S ]\s*+\Z)?+|\s++")
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPLITS = {_SPLIT % digits for digits in (r"\p{N}{1,3}", r"\p{N}")}


def cutter(tokenizer: Tokenizer) -> Callable[[str], list[str]] | None:
    """Give what cuts texts into pieces; None where this tokenizer's texts cannot be cut."""
    added = tokenizer.get_added_tokens_decoder().values()
    piece = _piece(part(tokenizer.pre_tokenizer))
    if (
        piece is None
        or type(tokenizer.model).__name__ != "BPE"
        or tokenizer.model.dropout
        or (part(tokenizer.normalizer) or {"type": "NFC"})["type"] != "NFC"
        or any(HOLDS_A_CUT.search(token.content) or token.single_word for token in added)
    ):
        return None
    greedy = "|".join(re.escape(token.content) for token in added if token.rstrip)
    if not greedy:
        return piece.findall
    taken = re.compile(rf"(?:{greedy})\s")
    return lambda text: [text] if taken.search(text) else piece.findall(text)


def part(given: Any) -> dict[str, Any] | None:  # noqa: ANN401 - one of the library's many classes
    """Describe a tokenizer's normalizer or pre-tokenizer, without its vocabulary, which is large."""
    found: dict[str, Any] | None = json.loads(given.__getstate__()) if given is not None else None
    return found


def _piece(pre: Mapping[str, Any] | None) -> re.Pattern[str] | None:
    """Give the pieces of a pre-tokenizer that is known."""
    if not pre:
        return None
    *first, last = pre["pretokenizers"] if pre["type"] == "Sequence" else [pre]
    if last["type"] != "ByteLevel" or last["add_prefix_space"]:
        return None
    if not all(one["type"] == "Digits" or _known(one) for one in first):
        return None
    if any(map(_known, first)):
        return SPACED
    return WORD if last.get("use_regex", True) else None


def _known(one: Mapping[str, Any]) -> bool:
    if one["type"] != "Split" or one["pattern"].get("Regex") not in SPLITS:
        return False
    return (one["behavior"], one["invert"]) in {("Isolated", False), ("Removed", True)}
