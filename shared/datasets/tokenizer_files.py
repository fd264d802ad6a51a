"""A base model's tokenizer as files, which travel to other processes; each makes its own counter of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.datasets.bounds import Bounds
    from shared.datasets.tokens import TokenCounter

TOKENIZER, CONFIG, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
NEEDED = (TOKENIZER, CONFIG)
NAMES = (TOKENIZER, CONFIG, TEMPLATE)


class Unusable(Exception):
    """The files make no tokenizer; the text says why."""


@dataclass(frozen=True)
class TokenizerFiles:
    """The tokenizer of a base model; what is missing is empty. template: else tokenizer_config's own counts.

    max_seq_length: the recipe's; -1 is the tokenizer's maximum.
    """

    model: str
    tokenizer: bytes
    config: bytes
    template: bytes | None = None
    max_seq_length: int = -1

    @classmethod
    def of(cls, model: str, files: Mapping[str, bytes], max_seq_length: int = -1) -> TokenizerFiles | None:
        """Take them out of what is kept for a base model, by file name; None where nothing is kept."""
        if not files:
            return None
        tokenizer, config = (files.get(name, b"") for name in NEEDED)
        return cls(model, tokenizer, config, files.get(TEMPLATE), max_seq_length)

    def counter(self) -> TokenCounter:
        """Make the counter, once in a process; raises Unusable."""
        return _counter(self)

    def bounds(self) -> Bounds:
        """Tell what is known without counting; raises Unusable."""
        from shared.datasets.bounds import Bounds

        return Bounds.of(self.counter())


@lru_cache(maxsize=1)
def _counter(files: TokenizerFiles) -> TokenCounter:
    from shared.datasets.tokens import TokenCounter

    needed = zip(NEEDED, (files.tokenizer, files.config), strict=True)
    if missing := [name for name, data in needed if not data]:
        raise Unusable(f"no {' and no '.join(missing)}")
    try:
        template = None if files.template is None else files.template.decode()
        return TokenCounter.of(files.tokenizer, files.config, template, files.max_seq_length)
    except Exception as fault:  # whatever a stranger's files make of it: the check goes on without them
        raise Unusable(str(fault) or type(fault).__name__) from fault
