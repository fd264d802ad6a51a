"""Tokens of a chat as the base model counts them, and the loss that Azure ML's preprocessing leaves on them.

Read in azureml-acft-contrib-hf-nlp 0.0.91: `_init_tokenizer` (special tokens, limits),
`_tokenize_chat_data` (template, then truncation), `CustomCollatorForCompletionOnlyLM` (what is learnt).
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.datasets.estimate import Estimate
from shared.datasets.learnt import Search, Tokens, places
from shared.datasets.pieces import cutter
from shared.datasets.template import ChatTemplate, Markers, TemplateFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tokenizers import Tokenizer

    from shared.datasets.rows import Message

__all__ = ["Estimate", "Search", "TokenCounter", "Tokens", "limit_of"]
LARGEST, WITHOUT = 1_000_000, 512  # a larger maximum counts as none; what is taken then
MOST_KNOWN, AT_ONCE = 50_000, 64
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
FLAGS = ("single_word", "lstrip", "rstrip", "normalized")
PAD = "<pad>"


class TokenCounter:
    """Counts chats with one model's tokenizer. limit: tokens after which Azure ML cuts.

    Texts are cut into pieces whose ids are remembered, where the tokenizer is one that allows it (pieces.py):
    with SmolLM2's, 2,000 ultrachat-like chats (10 MB) take 0.8 s on one core, whole texts four times that;
    text of which every word is new gains a third.
    """

    def __init__(
        self, tokenizer: Tokenizer, template: ChatTemplate, search: Search, limit: int, *, from_left: bool
    ) -> None:
        self.limit, self.template = limit, template
        self.markers, self.pad = Markers("", ""), PAD
        self._tokenizer, self._search = tokenizer, search
        self._from_left = from_left
        self._known: dict[str, list[int]] = {}
        self._pieces = cutter(tokenizer)

    @classmethod
    def of(
        cls,
        tokenizer_json: bytes,
        tokenizer_config: bytes,
        chat_template: str | None = None,
        max_seq_length: int = -1,
        markers: Markers | None = None,
    ) -> TokenCounter:
        """Make one from a model folder's files.

        chat_template: chat_template.jinja's text, or finetune_config's; else tokenizer_config's own.
        max_seq_length: -1 is the model's maximum. markers: finetune_config's chat_special_tokens, else found
        in the template. Raises ValueError where the files hold no tokenizer or no template.
        """
        config: dict[str, Any] = json.loads(tokenizer_config)
        tokenizer = _loaded(tokenizer_json)
        named = _special(tokenizer, config)
        try:
            template = ChatTemplate(_source(config, chat_template), named)
            markers = markers or _found(tokenizer, template)
        except TemplateFault as fault:
            raise ValueError(str(fault)) from fault
        search = replace(_search(tokenizer, markers), pad=tokenizer.token_to_id(named["pad_token"]))
        left = config.get("truncation_side") == "left"
        made = cls(tokenizer, template, search, limit_of(config, max_seq_length), from_left=left)
        made.markers, made.pad = markers, named["pad_token"]
        return made

    @property
    def cuts_at_spaces(self) -> bool:
        """Tell whether it is known where its texts are cut into words (pieces.py)."""
        return self._pieces is not None

    @property
    def tokenizer(self) -> Tokenizer:
        """The library's own."""
        return self._tokenizer

    def count(self, chats: Sequence[Sequence[Message | Mapping[str, Any]]]) -> list[Tokens]:
        """Count chats; a chat that the template refuses has its fault."""
        rendered = [self._rendered(chat) for chat in chats]
        encoded = iter(self.encode([text for text in rendered if isinstance(text, str)]))
        return [
            self._counted(next(encoded)) if isinstance(text, str) else Tokens(0, 0, 0, str(text))
            for text in rendered
        ]

    def totals(self, chats: Sequence[Sequence[Message]]) -> list[int]:
        """Give the numbers of tokens alone, which takes half the time. The template must take the chats."""
        if self._pieces is None:
            return [one.total for one in self.count(chats)]
        totals, sizes = list[int](), {piece: len(ids) for piece, ids in dict(self._known).items()}
        for begin in range(0, len(chats), AT_ONCE):
            cut = [self._pieces(self.template.render(chat)) for chat in chats[begin : begin + AT_ONCE]]
            new = list(set(chain.from_iterable(cut)).difference(sizes))
            sizes.update(zip(new, self._counts(new), strict=True))
            totals += [sum(map(sizes.__getitem__, pieces)) for pieces in cut]
        return totals

    def _counts(self, pieces: list[str]) -> list[int]:
        """Count the tokens of pieces, all in one text with the pad token between: apart they take twice."""
        text = self.pad.join(pieces)
        [found] = self._tokenizer.encode_batch_fast([text], add_special_tokens=False)
        ids = np.asarray(found.ids)
        between = np.flatnonzero(ids == self._search.pad)
        if len(between) != len(pieces) - 1:  # some piece holds it
            return [len(one) for one in self._tokenizer.encode_batch_fast(pieces, add_special_tokens=False)]
        counts: list[int] = (np.diff(between, prepend=-1, append=len(ids)) - 1).tolist()
        return counts

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Give the token ids of texts as they stand, special tokens in them read as such."""
        if self._pieces is None:
            found = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
            return [one.ids for one in found]
        pieces = [self._pieces(text) for text in texts]
        known = self._known
        if len(known) > MOST_KNOWN:  # another, for other threads may be reading this one
            known = self._known = {}
        new = list(set(chain.from_iterable(pieces)).difference(known))
        found = self._tokenizer.encode_batch_fast(new, add_special_tokens=False)
        known.update(zip(new, (one.ids for one in found), strict=True))
        return [list(chain.from_iterable(map(known.__getitem__, cut))) for cut in pieces]

    def _rendered(self, chat: Sequence[Message | Mapping[str, Any]]) -> str | TemplateFault:
        try:
            return self.template.render(chat)
        except TemplateFault as fault:
            return fault

    def _counted(self, ids: list[int]) -> Tokens:
        marks = self._search.learnt(ids)
        first = marks.find(1)
        if len(ids) > self.limit:
            marks = self._search.learnt(ids[-self.limit :] if self._from_left else ids[: self.limit])
        return Tokens(len(ids), len(ids) if first < 0 else first, marks.count(1))


def limit_of(config: Mapping[str, Any], asked: int) -> int:
    """Tell after how many tokens Azure ML cuts: the least of both, where a maximum over 1,000,000 is none."""
    longest = int(config.get("model_max_length") or LARGEST + 1)
    if longest > LARGEST:
        return WITHOUT if asked == -1 else asked
    return longest if asked == -1 else min(asked, longest)


def _loaded(tokenizer_json: bytes) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_buffer(tokenizer_json)
    except Exception as fault:  # the library raises no narrower class
        raise ValueError(f"no tokenizer: {fault}") from fault


def _source(config: Mapping[str, Any], given: str | None) -> str:
    source = given if given is not None else config.get("chat_template")
    if isinstance(source, list):  # several, by name
        source = next((one["template"] for one in source if one.get("name") == "default"), None)
    if not isinstance(source, str):
        raise TemplateFault("no chat template")
    return source


def _special(tokenizer: Tokenizer, config: Mapping[str, Any]) -> dict[str, Any]:
    """Add the special tokens the config names, and a pad token that is nothing else; give those named."""
    from tokenizers import AddedToken

    added = {one.content for one in tokenizer.get_added_tokens_decoder().values()}
    named: dict[str, Any] = {}
    more = config.get("additional_special_tokens") or config.get("extra_special_tokens") or []
    more = list(more.values()) if isinstance(more, dict) else more
    for name, token in [*((name, config.get(name)) for name in NAMED), *(("", one) for one in more)]:
        text = token.get("content") if isinstance(token, dict) else token
        if text and text not in added:
            flags = {flag: token.get(flag, False) for flag in FLAGS} if isinstance(token, dict) else {}
            tokenizer.add_special_tokens([AddedToken(text, special=True, **flags)])
        if text and name:
            named[name] = text
    if named.get("pad_token") in {None, *(named.get(name) for name in NAMED[:3])}:
        tokenizer.add_special_tokens([PAD])
        named["pad_token"] = PAD
    return named


def _search(tokenizer: Tokenizer, markers: Markers) -> Search:
    tokenizer.add_special_tokens([text for text in markers.added if tokenizer.token_to_id(text) is None])
    response, instruction = (
        tokenizer.encode(text, add_special_tokens=False).ids
        for text in (markers.response, markers.instruction)
    )
    return Search(response, instruction)


def _found(tokenizer: Tokenizer, template: ChatTemplate) -> Markers:
    """Find the markers; those that run into the text beside them are put into the vocabulary."""
    markers = template.markers()
    search = _search(tokenizer, markers)
    ids = tokenizer.encode(template.render(template.probe()), add_special_tokens=False).ids
    if search.learnt(ids).count(1) and len(places(ids, search.response)) > 1:
        return markers
    return replace(markers, added=(markers.response, markers.instruction))
