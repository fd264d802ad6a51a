"""A base model's tokenizer for tests: every byte is a token, and turns begin as ChatML has them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from shared.datasets.tokenizer_files import TokenizerFiles

PLAIN = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
WITHOUT_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    + PLAIN
)


@cache
def tokenizer_json() -> bytes:
    from tokenizers import Tokenizer, models, pre_tokenizers

    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({sign: place for place, sign in enumerate(signs)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>", "<|pad|>"])
    return tokenizer.to_str().encode()


def files(limit: int, template: str = PLAIN, **config: Any) -> TokenizerFiles:
    """A chat of a question and an answer has 21 tokens beside its texts'."""
    given = {"eos_token": "<|im_end|>", "pad_token": "<|pad|>", "model_max_length": limit, **config}
    return TokenizerFiles("Bytes-1", tokenizer_json(), json.dumps(given).encode(), template.encode())
